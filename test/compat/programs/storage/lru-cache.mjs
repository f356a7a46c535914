import Keyv from 'keyv';
import { LRUCache } from 'lru-cache';
import NodeCache from 'node-cache';

const cache = new LRUCache({
  max: 2,
  dispose: (value, key, reason) => console.log('gone', key, value, reason),
});
cache.set('a', 1).set('b', 2);
cache.get('a');
cache.set('c', 3);
console.log(
  [...cache.keys()],
  cache.has('b'),
  await new LRUCache({ max: 5, fetchMethod: async (key) => key.length }).fetch('four'),
);
const keyv = new Keyv();
await keyv.set('k', { v: 1 }, 10_000);
console.log(await keyv.get('k'), await keyv.delete('k'), await keyv.get('k'));
const old = new NodeCache({ stdTTL: 100, checkperiod: 0 });
old.on('set', (key) => console.log('set', key));
console.log(old.set('x', [1]), old.get('x'), old.getStats().hits, old.take('x'), old.get('x'));
