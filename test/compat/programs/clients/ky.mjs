import ky from 'ky';
import { target } from './target.cjs';

const { url, stop } = await target();
const api = ky.create({ prefixUrl: url, headers: { 'x-a': 'b' }, retry: 0 });
console.log(await api.get('json', { searchParams: { q: 'x' } }).json());
console.log(await api.post('json', { json: { a: 1 } }).json());
const refused = await api.get('status?code=500').catch((error) => error);
console.log(refused.name, refused.response?.status);
const late = await api.get('slow', { timeout: 30 }).catch((error) => error);
console.log(late.name);
stop();
