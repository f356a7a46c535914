/** Makes a script of TypeScript sources for a child process or a worker of the real Node. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const cleanups: (() => void)[] = [];

/** Bundles `source`, whose imports start at the project's root; gone after the test file. */
export async function bundleForNode(name: string, source: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'hv-test-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const outfile = join(directory, `${name}.cjs`);
  const absolute = source.replaceAll(/from '(hypervisor|log-format)\//g, `from '${ROOT}/$1/`);
  await build({
    stdin: { contents: absolute, resolveDir: ROOT, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
  return outfile;
}

afterAll(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
