import fetch, { FormData, Headers } from 'node-fetch';
import { target } from './target.cjs';

const { url, stop } = await target();
const response = await fetch(`${url}/json?a=1`, { headers: new Headers({ 'x-a': 'b' }) });
console.log(response.status, response.ok, response.headers.get('x-answer'), await response.json());
const form = new FormData();
form.set('a', 'b');
const posted = await (await fetch(`${url}/json`, { method: 'POST', body: form })).json();
console.log(posted.type, posted.body.includes('name="a"'));
console.log(await (await fetch(`${url}/gzip`)).text(), (await fetch(`${url}/redirect`)).redirected);
console.log((await fetch('http://127.0.0.1:1/').catch((error) => error)).code);
const stopped = new AbortController();
setTimeout(() => stopped.abort(), 10);
console.log((await fetch(`${url}/slow`, { signal: stopped.signal }).catch((error) => error)).name);
stop();
