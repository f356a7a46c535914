/** Makes a script of TypeScript sources for a child process or a worker of the real Node. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sharedDir } from '../../support/shared-dir.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Bundles `source`, whose imports start at the project's root; gone when this process ends. */
export async function bundleForNode(name: string, source: string): Promise<string> {
  const directory = sharedDir('hv-test-');
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
