import axios from 'axios';
import { target } from './target.cjs';

const { url, stop } = await target();
const api = axios.create({ baseURL: url, headers: { 'x-a': 'b' }, timeout: 10_000 });
api.interceptors.request.use((config) => {
  config.params = { ...config.params, added: 1 };
  return config;
});
console.log((await api.get('/json', { params: { q: ['a', 'b'] } })).data);
console.log((await api.post('/json', { a: 1 })).data);
console.log((await api.post('/form', new URLSearchParams({ a: '1' }))).data);
console.log((await api.get('/gzip')).data, (await api.get('/redirect')).data.url);
const refused = await api.get('/status', { params: { code: 418 } }).catch((error) => error);
console.log(axios.isAxiosError(refused), refused.code, refused.message, refused.response.data);
const late = await api.get('/slow', { timeout: 20 }).catch((error) => error);
console.log(late.code, late.message);
const stopped = new AbortController();
setTimeout(() => stopped.abort(), 10);
console.log((await api.get('/slow', { signal: stopped.signal }).catch((error) => error)).code);
console.log((await axios.get('http://127.0.0.1:1/').catch((error) => error)).code);
stop();
