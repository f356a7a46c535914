import { EventEmitter as E, once } from 'node:events';

export { E };
export default class Named {}
export const x = 1;
const e = new E();
setTimeout(() => e.emit('go', 5), 1);
console.log(await once(e, 'go'), Named.name);
