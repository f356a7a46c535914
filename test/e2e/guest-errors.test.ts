import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GUESTS, type HvExit, Stage } from '../support/hv-process.ts';
import { inATurn } from '../support/in-a-turn.ts';
import { LONG } from '../support/long.ts';

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
  mkdirSync(join(stage.dir, 'src'));
});
afterAll(() => stage.close());

function script(name: string, source: string): string {
  const path = join(stage.dir, 'src', name);
  writeFileSync(path, source);
  return path;
}

function run(...args: readonly string[]): Promise<HvExit> {
  return stage.hv(['run', ...args]).exited;
}

describe('a guest that fails, as under Node', () => {
  test('an uncaught error shows file, line, source and stack, and exits 1', async () => {
    const path = script('boom.js', 'function f() {\n  throw new TypeError("boom");\n}\n\nf();\n');
    const { code, stderr } = await run(path);
    expect(code).toBe(1);
    expect(stderr).toContain(`${path}:2\n  throw new TypeError("boom");\n  ^\n`);
    expect(stderr).toContain(`TypeError: boom\n    at f (${path}:2:9)`);
  });

  test('an unhandled rejection exits 1 with its reason', async () => {
    const path = script('reject.js', '(async () => { throw new Error("lost"); })();\n');
    const { code, stderr } = await run(path);
    expect(code).toBe(1);
    expect(stderr).toContain('Error: lost');
  });

  test('a syntax error shows its place and exits 1', async () => {
    const path = script('syntax.js', 'const ok = 1;\nlet = ;\n');
    const { code, stderr } = await run(path);
    expect(code).toBe(1);
    expect(stderr).toContain(`${path}:2`);
    expect(stderr).toContain('SyntaxError');
  });

  test('a missing file and a missing module are named', async () => {
    const missing = await run(join(stage.dir, 'nope.js'));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(`Cannot find module '${join(stage.dir, 'nope.js')}'`);
    const path = script('need.js', "require('./not-there');\n");
    const module = await run(path);
    expect(module.code).toBe(1);
    expect(module.stderr).toContain("Cannot find module './not-there'");
    expect(module.stderr).toContain(path);
  });

  test('a call this guest lacks is named, with what there is instead and where to read of it', async () => {
    const { code, stderr } = await run(
      script('lack.js', "require('node:http2').createServer();\n"),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_HV_UNSUPPORTED');
    expect(stderr).toMatch(/http2\.createServer .*http.* docs\/guest-api\.md/s);
  });

  test('exit codes and arguments are the guest’s own', async () => {
    const path = script(
      'exit.js',
      'console.log(process.argv.slice(2).join()); process.exit(42);\n',
    );
    const { code, stdout } = await run(path, '--name', 'x', '-v');
    expect(stdout).toBe('--name,x,-v\n');
    expect(code).toBe(42);
  });

  test('standard input is read, recorded and replayed', async () => {
    const one = stage.hv(['run', '--name', 'sum', join(GUESTS, 'stdin-sum.js')], { stdin: 'pipe' });
    one.child.stdin?.end('1\n2\n39\n');
    const { code, stdout } = await one.exited;
    expect(code).toBe(0);
    expect(stdout).toContain('42');
    const replay = await stage.hv(['replay', '.hv/sum']).exited;
    expect(replay.code).toBe(0);
    expect(replay.stdout).toBe(stdout);
  });
});

describe('a hostile guest', () => {
  const hostile = (name: string): string => join(GUESTS, 'hostile', `${name}.js`);

  for (const name of LONG ? ['deep-recursion', 'memory-bomb', 'huge-string'] : ['huge-string']) {
    test(`${name} ends in the guest's own error and replays to the same bits`, async () => {
      const first = await run('--name', name, hostile(name));
      expect(first.code).not.toBeNull();
      expect(first.stderr).not.toContain('HV_E_INTERNAL');
      const replay = await stage.hv(['replay', '--json', `.hv/${name}`]).exited;
      expect(replay.code).toBe(0);
      expect(JSON.parse(replay.stdout).exit.code).toBe(first.code);
    });
  }

  for (const name of LONG ? ['infinite-loop', 'promise-loop'] : ['infinite-loop']) {
    test(`${name} is stopped by SIGTERM at a recorded tick, and replays`, async () => {
      const one = stage.hv(['run', '--name', name, '--events-fd', '3', hostile(name)]);
      await inATurn(one, { turns: 0 });
      one.kill('SIGTERM');
      expect((await one.exited).code).toBe(143);
      const replay = await stage.hv(['replay', '--json', `.hv/${name}`]).exited;
      expect(replay.stderr).toBe('');
      expect(replay.code).toBe(0);
      expect(JSON.parse(replay.stdout).exit.code).toBe(143);
    });
  }

  test('a turn beyond --cpu is stopped at that very tick', async () => {
    const ticks = '1M';
    const one = await run('--name', 'limited', '--cpu', ticks, hostile('infinite-loop'));
    expect(one.code).toBe(124);
    expect(one.stderr).toContain('hv: guest stopped: one turn used 1,000,000 ticks (--cpu)\n');
    expect(one.stderr).toContain('HV_E_CPU_LIMIT');
    const replay = await stage.hv(['replay', '--json', '.hv/limited']).exited;
    expect(JSON.parse(replay.stdout)).toMatchObject({ verdict: 'verified', exit: { code: 124 } });
  });
});
