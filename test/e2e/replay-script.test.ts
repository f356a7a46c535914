import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finding, RefeedReport } from '../../hypervisor/timeline/refeed.ts';
import { GOLDEN_DIR } from '../golden/goldens.ts';
import { GUESTS, type HvExit, Stage } from '../support/hv-process.ts';
import { longTest } from '../support/long.ts';

const KV = join(GOLDEN_DIR, 'kv.hvlog');
const EXECUTE = 'return command[1](db, args, client, server);';
/** Of the first connection of the log, whose replies up to INCR are 38 bytes long. */
const FIRST = 'connection 2 from 127.0.0.1:60974';

type Json = RefeedReport & { readonly verdict: string; readonly sameScript: boolean };

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
  cpSync(GUESTS, join(stage.dir, 'guests'), { recursive: true });
});
afterAll(() => stage.close());

/** A copy of a guest with one text replaced by another. */
function changed(guest: string, from: string, to: string): string {
  const source = readFileSync(join(GUESTS, guest), 'utf8');
  if (!source.includes(from)) throw new Error(`${guest} has no ${from}`);
  const path = join(stage.dir, 'guests', `changed-${guest}`);
  writeFileSync(path, source.replace(from, to));
  return path;
}

function replay(script: string, ...args: readonly string[]): Promise<HvExit> {
  return stage.hv(['replay', '--script', script, ...(args.length === 0 ? [KV] : args)]).exited;
}

async function json(script: string, ...args: readonly string[]): Promise<Json> {
  const { stdout, code } = await replay(script, '--json', ...(args.length === 0 ? [KV] : args));
  const report = JSON.parse(stdout) as Json;
  expect(code).toBe(report.verdict === 'equal' ? 0 : 1);
  return report;
}

function ofType(report: Json, type: Finding['type']): readonly Finding[] {
  return report.findings.filter((finding) => finding.type === type);
}

describe('hv replay --script with the very same script', () => {
  test.each([
    ['kv', 'kv.js', 'no difference in 2 connections, 385 bytes (34 turns)'],
    ['kv-killed', 'kv.js', 'no difference in 1 connection, 124 bytes (23 turns)'],
    ['failover', 'kv.js', 'no difference in 3 connections, 722 bytes (61 turns)'],
    ['counter', 'counter.js', 'no difference in 1 connection, 228 bytes (16 turns)'],
    ['stdin-sum', 'stdin-sum.js', 'no difference in 0 connections, 38 bytes (3 turns)'],
    ['ticker', 'ticker.ts', 'no difference in 0 connections, 379 bytes (7 turns)'],
  ])('finds nothing in the %s log', async (log, script, said) => {
    const exit = await replay(join(GUESTS, script), join(GOLDEN_DIR, `${log}.hvlog`));
    expect(exit).toMatchObject({ code: 0, stdout: '' });
    expect(exit.stderr).toContain(`hv: ${said}`);
  });
});

describe('hv replay --script with a changed script', () => {
  test('shows a changed reply at its byte, after its request, on both sides', async () => {
    const script = changed(
      'kv.js',
      EXECUTE,
      `const reply = command[1](db, args, client, server);
       return reply === ':42\\r\\n' ? ':43\\r\\n' : reply;`,
    );
    const { code, stdout, stderr } = await replay(script);
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    const window = String.raw`"+OK\r\n:10\r\n$10\r\nhelloworld\r\n:100\r\n:41\r\n:42\r\n-ERR value is not an integer or out of range\r\n:3\r\n*3\r\n$1\r"`;
    const both = 'after lsn 18, +0.320456 s, 331 bytes in all';
    expect(lines).toEqual([
      `${FIRST}: differs at byte 40`,
      `      recorded: ${window}`,
      `      replayed: ${window.replace(':42', ':43')}`,
      `${' '.repeat(16 + window.indexOf('2', window.indexOf(':42')))}^ first difference at byte 40`,
      `      recorded ${both}; replayed ${both}`,
      '',
    ]);
    expect(stderr).toContain(
      `hv: DIFFERENT: 1 difference; of 2 connections 1 the same, 1 different; first: ${FIRST}, after lsn 18, +0.320456 s`,
    );
  });

  longTest('shows an added log line where the old output ends', async () => {
    const script = changed(
      'kv.js',
      EXECUTE,
      `if (args[0] === 'TTL') console.log('ttl'); ${EXECUTE}`,
    );
    const report = await json(script);
    expect(report.findings).toMatchObject([
      {
        name: 'stdout',
        first: { lsn: 14 },
        difference: {
          kind: 'longer',
          recorded: { offset: 33, bytes: 33 },
          replayed: { bytes: 37 },
        },
      },
    ]);
    expect(report.totals).toMatchObject({ same: 2, different: 0 });
  });

  longTest(
    'with other timers is the same where they do not show, and differs where they do',
    async () => {
      const idle = changed(
        'kv.js',
        "const net = require('node:net');",
        "const net = require('node:net'); setInterval(() => {}, 3);",
      );
      const log = join(GOLDEN_DIR, 'failover.hvlog');
      expect(await json(idle, log)).toMatchObject({ verdict: 'equal', sameScript: false });
      const slow = changed('counter.js', 'interval *', '3 * interval *');
      const report = await json(slow, join(GOLDEN_DIR, 'counter.hvlog'));
      const longer = { kind: 'longer', replayed: expect.not.objectContaining({ place: {} }) };
      expect(report.findings).toMatchObject([
        { name: 'connection 2 from 127.0.0.1:36974', difference: longer },
        { name: 'stdout', difference: longer },
      ]);
    },
  );

  test('that crashes at a request ends there, and what came after is told', async () => {
    const script = changed('kv.js', EXECUTE, `if (args[0] === 'TIME') null.x; ${EXECUTE}`);
    const report = await json(script);
    const [exit] = ofType(report, 'exit');
    expect(exit).toMatchObject({ first: { lsn: 34 }, replayed: { code: 1, place: { lsn: 34 } } });
    expect(report.inputsAfterExit).toBe(17);
    expect(report.totals).toMatchObject({ different: 1, onlyRecorded: 1 });
    const { stdout, stderr } = await replay(script);
    expect(stdout).toContain('stderr: the same up to byte 0, where only replayed goes on');
    expect(stdout).toContain(`${FIRST}: the same up to byte`);
    expect(stderr).toContain('hv: 17 inputs came after changed-kv.js had ended');
  });

  longTest('that listens elsewhere gets the connections there', async () => {
    const script = changed('kv.js', 'const port =', 'const port = 7777; const unused =');
    const report = await json(script);
    expect(ofType(report, 'listen')).toMatchObject([
      { recorded: '127.0.0.1:39643', replayed: '127.0.0.1:7777', first: { lsn: 2 } },
    ]);
    expect(report.totals).toMatchObject({ same: 2, different: 0 });
    expect(ofType(report, 'stream')).toMatchObject([
      { name: 'stdout', difference: { recorded: { offset: 27, place: { lsn: 4 } } } },
    ]);
  });

  longTest('that never listens has no taker for any connection', async () => {
    const script = changed('kv.js', 'listener.listen(', 'setInterval(() => {}, 1e6); (() => {})(');
    const { code, stdout, stderr } = await replay(script);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'listen (after lsn 2, +0.299067 s): changed-kv.js does not listen on 127.0.0.1:39643',
    );
    expect(stderr).toContain(
      `hv: 27 inputs from lsn 8 on (960 bytes) of ${FIRST} had no taker: nobody listens on 127.0.0.1:39643`,
    );
  });

  test('that connects to unknown addresses is refused, and each is named', async () => {
    const connect = "net.connect(9, '10.1.2.3').on('error', (error) => socket.write(error.code));";
    const script = changed(
      'kv.js',
      'socket.setNoDelay(true);',
      `socket.setNoDelay(true); ${connect}`,
    );
    const report = await json(script);
    const what = (order: number): string =>
      `a connection to 10.1.2.3:9, number ${order}: the recorded run never opened it`;
    expect(ofType(report, 'unanswerable')).toMatchObject([
      { what: what(1), first: { lsn: 6 } },
      { what: what(2), first: { lsn: 58 } },
    ]);
    expect(
      report.findings.find((one) => one.type === 'stream' && one.name === FIRST),
    ).toMatchObject({
      difference: { recorded: { offset: 0 }, replayed: { offset: 0, place: { lsn: 6 } } },
    });
    expect(report.totals).toMatchObject({ onlyReplayed: 2 });
  });

  test('that loops without end is stopped at the tick limit', async () => {
    const script = changed('kv.js', EXECUTE, `while (args[0] === 'TTL'); ${EXECUTE}`);
    const { code, stdout, stderr } = await replay(script, '--turn-ticks', '1000000', KV);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'replayed: ends with 124 after lsn 14, +0.318727 s: one turn used 1000000 ticks (--turn-ticks)',
    );
    expect(stderr).toContain('was stopped in a turn that would not end');
  });

  longTest('prints twenty differences, and all of them when asked', async () => {
    const many = 'for (let port = 1; port <= 15; port++) net.connect(port).on("error", () => {});';
    const script = changed('kv.js', 'listener.listen(', `${many} listener.listen(`);
    const blocks = ({ stdout }: HvExit): number =>
      stdout.split('\n').filter((line) => /^\S/.test(line)).length;
    const some = await replay(script);
    expect(blocks(some)).toBe(20);
    expect(some.stderr).toContain('hv: 10 more differences; --all prints them');
    expect(blocks(await replay(script, '--all', KV))).toBe(30);
  });

  test('is the same where all that differs is ignored; -q prints the verdict only', async () => {
    const script = changed('kv.js', 'kv: listening on', 'kv: now on');
    expect(await replay(script)).toMatchObject({ code: 1 });
    const masked = await replay(
      script,
      '-q',
      '--ignore',
      'listening on',
      '--ignore',
      'now o[n]',
      KV,
    );
    expect(masked).toMatchObject({ code: 0, stdout: '' });
    expect(masked.stderr).toMatch(
      /^hv: no difference in 2 connections, 385 bytes \(34 turns\); .*\n$/,
    );
  });
});

describe('hv replay --script refuses', () => {
  test('a script that does not load, in the words of Node', async () => {
    const path = join(stage.dir, 'broken.js');
    writeFileSync(path, 'const ok = 1;\nlet = ;\n');
    const { code, stderr } = await replay(path);
    expect(code).toBe(1);
    expect(stderr).toContain(`${path}:2`);
    expect(stderr).toContain('SyntaxError');
  });

  test('options that mean nothing and patterns that are none', async () => {
    const guest = join(GUESTS, 'kv.js');
    const pattern = await replay(guest, '--ignore', '(', KV);
    expect(pattern).toMatchObject({ code: 2, stdout: '' });
    expect(pattern.stderr).toContain('--ignore takes regular expressions');
    const both = await replay(guest, KV, guest);
    expect(both.code).toBe(2);
    const alone = await stage.hv(['replay', '--all', KV]).exited;
    expect(alone).toMatchObject({ code: 2 });
  });

  test('a damaged log, before anything is compared', async () => {
    const bytes = readFileSync(KV);
    const at = bytes.length - 100;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const path = join(stage.dir, 'damaged.hvlog');
    writeFileSync(path, bytes);
    const { code, stdout, stderr } = await replay(join(GUESTS, 'kv.js'), path);
    expect({ code, stdout }).toEqual({ code: 122, stdout: '' });
    expect(stderr).toContain('[HV_E_LOG_DAMAGED]');
  });
});
