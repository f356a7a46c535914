import got from 'got';
import { target } from './target.cjs';

const { url, stop } = await target();
const api = got.extend({ prefixUrl: url, headers: { 'x-a': 'b' }, retry: { limit: 0 } });
console.log(await api.get('json', { searchParams: { q: 'x' } }).json());
console.log(await api.post('json', { json: { a: 1 } }).json());
console.log(await api.post('json', { form: { a: 'b c' } }).json());
console.log(await api.get('gzip').text(), (await api.get('redirect').json()).url);
const refused = await api.get('status?code=500').catch((error) => error);
console.log(refused.name, refused.code, refused.response.statusCode);
const late = await api.get('slow', { timeout: { request: 30 } }).catch((error) => error);
console.log(late.name, late.code);
stop();
