/**
 * Bundles the guest's firmware into one script whose completion value is its `start` function. The
 * output depends on the sources alone: no paths, no times, so that its hash is the same everywhere.
 */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleIdna } from './bundle-idna.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const aliasFile = `${root}guest-sdk/aliases.json`;

/** `name -> file of guest-sdk`: what the bundled packages get instead of their own dependencies. */
function aliases() {
  if (!existsSync(aliasFile)) return {};
  const table = JSON.parse(readFileSync(aliasFile, 'utf8'));
  return Object.fromEntries(
    Object.entries(table).map(([name, file]) => [
      name,
      file.startsWith('.') ? `${root}guest-sdk/${file.slice(2)}` : file,
    ]),
  );
}

await build({
  absWorkingDir: root,
  entryPoints: ['guest-sdk/firmware.ts'],
  outfile: 'dist/firmware.js',
  bundle: true,
  format: 'iife',
  globalName: 'firmware',
  platform: 'neutral',
  mainFields: ['main'],
  target: 'es2023',
  // The engine has no `using`; everything else of ES2023 it has.
  banner: { js: '(function () { "use strict";' },
  footer: { js: 'return firmware.start; })()' },
  keepNames: false,
  minifyWhitespace: true,
  legalComments: 'none',
  charset: 'utf8',
  alias: aliases(),
  plugins: [bundleIdna],
  logLevel: 'warning',
});
