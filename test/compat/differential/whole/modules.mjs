import fs, { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as all from 'node:path';

console.log(
  fs.readFileSync === readFileSync,
  typeof all.default.join,
  import.meta.url.startsWith('file:'),
  typeof import.meta.dirname,
  createRequire(import.meta.url)('node:os') === (await import('node:os')).default,
  this,
  typeof require,
  typeof module,
);
