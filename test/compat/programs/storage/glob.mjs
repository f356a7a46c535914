import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { glob, globSync } from 'glob';
import micromatch from 'micromatch';
import { minimatch } from 'minimatch';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'glob-'));
for (const file of ['a.js', 'b.ts', 'sub/c.js', 'sub/deep/d.js', '.hidden.js']) {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  fs.writeFileSync(path.join(root, file), '');
}
console.log(
  (await glob('**/*.js', { cwd: root })).sort(),
  globSync('{a,b}.*', { cwd: root }).sort(),
  (await glob('*', { cwd: root, dot: true, nodir: true })).sort(),
);
console.log(
  minimatch('src/a/b.ts', 'src/**/*.ts'),
  micromatch(['a.js', 'b.md', '!c.js'], ['*', '!*.md']),
  micromatch.makeRe('a/{b,c}/*.js').source,
);
fs.rmSync(root, { recursive: true });
