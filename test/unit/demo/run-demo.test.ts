/** The demo as a whole, with fake replicas: what it starts, counts, prints and leaves behind. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../guests/guest-process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FAKE = fileURLToPath(new URL('./fake-hv.mjs', import.meta.url));
let dir: string;
let program: string;

/** The demo runs in a process of its own: it listens for signals and ends its children at exit. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hv-demo-test-'));
  program = join(dir, 'demo.mjs');
  const entry = join(dir, 'entry.ts');
  const source = join(ROOT, 'hypervisor/cli/demo/run-demo.ts');
  writeFileSync(
    entry,
    `import { runDemo } from ${JSON.stringify(source)};
     process.exitCode = await runDemo(JSON.parse(process.argv[2] ?? ''));`,
  );
  // It looks for guests from its own file upwards: the bundle pretends to be where its source is.
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Packages in it are CommonJS.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf('/');",
    },
    define: { 'import.meta.url': JSON.stringify(new URL(`file://${source}`).href) },
    logLevel: 'silent',
  });
});
afterAll(() => rmSync(dir, { recursive: true }));

interface Ran {
  readonly code: number | string | null | undefined;
  readonly lines: Record<string, unknown>[];
  readonly left: string[];
}

function runDemo(options: Record<string, unknown>, env: Record<string, string>): Promise<Ran> {
  const all = {
    kind: 'kv',
    seconds: 20,
    killEverySeconds: 0.5,
    killsMax: 3,
    clients: 3,
    seed: 1,
    json: true,
    file: FAKE,
    ...options,
  };
  const tmp = mkdtempSync(join(dir, 'tmp-'));
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, JSON.stringify(all)],
      { env: { ...process.env, ...env, TMPDIR: tmp } },
      (_error, stdout) => {
        const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
        resolve({
          code: child.exitCode,
          lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
          left: readdirSync(tmp),
        });
      },
    );
    if (env.INTERRUPT !== undefined) void hasBegun(tmp).then(() => child.kill('SIGINT'));
  });
}

/** It has a directory of its own, with the first thing it makes there once it can be interrupted. */
async function hasBegun(tmp: string): Promise<void> {
  const begun = (): boolean =>
    readdirSync(tmp).some((name) => existsSync(join(tmp, name, 'arbiter')));
  while (!begun()) await new Promise((resolve) => setImmediate(resolve));
}

test.each(['kv', 'chat', 'counter'])(
  '%s: failovers that lose nothing are found good',
  async (kind) => {
    const guest = await startServer(`${kind}.js`);
    const { code, lines, left } = await runDemo({ kind }, { HV_FAKE_UPSTREAM: String(guest.port) });
    guest.stop();
    const verdict = lines.at(-1);
    expect(verdict).toMatchObject({ evt: 'verdict', findings: [], ok: true, failovers: 3 });
    expect(verdict?.answered).toBeGreaterThan(50);
    expect(verdict?.gapMs).toMatchObject({ max: expect.any(Number) });
    expect(lines.slice(0, -1).map((line) => line.evt)).toEqual([
      'failover',
      'failover',
      'failover',
    ]);
    for (const line of lines.slice(0, -1)) {
      expect(Object.keys(line.phasesMs as object)).toEqual([
        'suspected',
        'claimed',
        'tail.replayed',
        'live',
        'first.output',
      ]);
      expect(line.gapMs).toBeGreaterThan(0);
    }
    expect(code).toBe(0);
    expect(left).toEqual([]);
  },
);

test('failovers that lose the data are found bad, and the logs are kept', async () => {
  const { code, lines, left } = await runDemo({ killsMax: 1 }, {});
  expect(lines.at(-1)).toMatchObject({ evt: 'verdict', ok: false, failovers: 1 });
  expect(lines.at(-1)?.lost).toBeGreaterThan(0);
  expect(code).toBe(1);
  expect(left).toHaveLength(1);
});

test('a replica that dies by itself is reported with its last words', async () => {
  const { code, lines } = await runDemo({ killEverySeconds: 60 }, { HV_FAKE_DIES: 'backup' });
  expect(code).toBe(1);
  const findings = String(lines.at(-1)?.findings);
  expect(findings).toMatch(/backup 1 \(pid \d+\) died by itself, exit status 77/);
  expect(findings).toContain('the fake dies as it was told');
});

test('an interruption ends everything at once, with a verdict', async () => {
  const started = performance.now();
  const { code, lines } = await runDemo({ killEverySeconds: 60 }, { INTERRUPT: '1' });
  expect(lines.at(-1)).toMatchObject({ evt: 'verdict', ok: false, findings: ['interrupted'] });
  expect(code).toBe(1);
  expect(performance.now() - started).toBeLessThan(15_000);
});
