/**
 * `npm run build`: everything under dist/. Fails at the first problem, with the tool's own words.
 * The parts do not depend on each other, so they run at the same time.
 */

import { spawn } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs one step to its end; rejects with its exit status. */
function run(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${name} failed (${signal ?? `exit ${code}`})`));
    });
  });
}

const steps = [
  run('tsc', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']),
  run('command', ['scripts/build-command.mjs']),
  run('firmware', ['scripts/build-firmware.mjs']),
];
if (existsSync(`${root}scripts/build-helper.mjs`))
  steps.push(run('helper', ['scripts/build-helper.mjs']));

const results = await Promise.allSettled(steps);
const failures = results.filter((result) => result.status === 'rejected');
for (const { reason } of failures) console.error(`build: ${reason.message}`);
if (failures.length > 0) process.exit(1);

// Guests of both forms load `hv/guest`: the same types for those that use `require`.
copyFileSync(`${root}dist/hypervisor/guest.d.ts`, `${root}dist/hypervisor/guest.d.cts`);

await run('golden image', ['dist/hypervisor/host/golden-builder.js']).catch((error) => {
  console.error(`build: ${error.message}`);
  process.exit(1);
});

await run('warm start', ['scripts/warm-command.mjs']).catch((error) => {
  console.error(`build: ${error.message}`);
  process.exit(1);
});
