import { request } from 'undici';
import { target } from './target.cjs';

const { url, stop } = await target();
const { statusCode, headers, body } = await request(`${url}/json`, {
  method: 'POST',
  body: '{"a":1}',
  headers: { 'content-type': 'application/json' },
});
console.log(statusCode, headers['x-answer'], await body.json());
stop();
