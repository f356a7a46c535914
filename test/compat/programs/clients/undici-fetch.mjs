import { target } from './target.cjs';

const { url, stop } = await target();
const response = await fetch(`${url}/json?a=1`, { headers: { 'x-a': 'b' } });
console.log(response.status, response.headers.get('x-answer'), await response.json());
const form = new FormData();
form.append('file', new Blob(['text'], { type: 'text/plain' }), 'x.txt');
const posted = await (await fetch(`${url}/json`, { method: 'POST', body: form })).json();
console.log(posted.type, posted.body.includes('filename="x.txt"'));
console.log(await (await fetch(`${url}/gzip`)).text(), (await fetch(`${url}/redirect`)).redirected);
console.log((await fetch('http://127.0.0.1:1/').catch((error) => error.cause)).code);
console.log(
  (await fetch(`${url}/slow`, { signal: AbortSignal.timeout(20) }).catch((error) => error)).name,
);
stop();
