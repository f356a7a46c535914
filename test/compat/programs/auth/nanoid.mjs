import { customAlphabet, customRandom, nanoid, urlAlphabet } from 'nanoid';

console.log(
  nanoid().length,
  nanoid(5).length,
  new Set(Array.from({ length: 1000 }, () => nanoid())).size,
  /^[0-9a-f]{12}$/.test(customAlphabet('0123456789abcdef', 12)()),
);
console.log(customRandom(urlAlphabet, 8, (count) => new Uint8Array(count).fill(9))());
