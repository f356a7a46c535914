import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../hypervisor/timeline/refeed.ts';
import { INTERRUPT, NET_ERRORS } from '../../../log-format/index.ts';
import { Recording, refeed } from '../../support/refeed-lab.ts';

const ECHO = `
  const net = require('node:net');
  net.createServer((socket) => {
    socket.on('data', (bytes) => socket.write('got ' + bytes));
    socket.on('end', () => console.log('bye'));
    socket.on('close', () => console.log('closed'));
  }).listen(8080, () => console.log('ready'));`;

/** Two clients, of which the second leaves first. */
function echoed(script: string = ECHO): Recording {
  const recording = new Recording(script).bound(1, 8080).accept(2).data(2, 'one\n');
  recording.accept(4).data(4, 'two\n').data(2, 'three\n');
  return recording.input(INTERRUPT.netEnd, { id: 4 }).close(4).data(2, 'four\n');
}

function only(findings: readonly Finding[]): Finding {
  expect(findings).toHaveLength(1);
  return findings[0] as Finding;
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('the very same script', () => {
  const busy = `
    const net = require('node:net');
    const peer = net.connect(9000, '10.0.0.1', () => peer.write('hello'));
    peer.on('data', (bytes) => console.log('peer ' + bytes + ' ' + Date.now()));
    peer.on('close', () => console.log('peer closed'));
    setInterval(() => console.log(performance.now(), Math.random()), 7);
    setTimeout(() => setImmediate(() => setImmediate(() => console.log(performance.now()))), 3);
    net.createServer((socket) => {
      socket.on('close', () => console.log('closed', performance.now()));
      socket.on('data', (bytes) => bytes == 'bye' ? socket.destroy() : socket.write('x'.repeat(700_000), () => console.log('left', Date.now())));
    }).listen(0, () => console.log(performance.now()));
    process.stdin.on('data', (bytes) => console.log('in ' + bytes));`;

  test('gets exactly the records: every turn, every time, every byte', () => {
    const recording = new Recording(busy).wait(8).bound(1, 41_000).connected(1).accept(2);
    recording.data(1, 'welcome').data(2, 'go').wait(20);
    recording.input(INTERRUPT.netDrain, { id: 2, num: 262_144 });
    recording.data(2, 'bye').input(INTERRUPT.stdinData, { payload: 'typed' }).close(2);
    recording.wait(9).close(1);
    const { report } = refeed(recording, busy);
    expect(report.findings).toEqual([]);
    expect(report.turns.replayed).toBe(report.turns.recorded);
    expect(report.untakenInputs).toBe(0);
  });

  test('gets the recorded clock corrections inside a long turn', () => {
    const script = `
      const seen = [];
      for (let i = 0; i < 300_000; i++) if (i % 30_000 === 0) seen.push(Date.now());
      console.log(seen.join());`;
    const recording = new Recording(script, { turnMicros: 11_000 });
    expect(recording.records.some(({ type }) => type === 'resync')).toBe(true);
    expect(refeed(recording, script).report.findings).toEqual([]);
  });
});

describe('a changed reply', () => {
  test('is found at its byte, after the input that caused it, on its connection alone', () => {
    const recording = new Recording(ECHO).bound(1, 8080).accept(2).accept(4);
    recording.data(2, 'one\n').data(4, 'two\n');
    const changedAt = recording.data(4, 'three\n').lsn;
    const { report } = refeed(
      recording,
      ECHO.replace("'got '", "(bytes == 'three\\n' ? 'gut ' : 'got ')"),
    );
    const found = only(report.findings);
    expect(found).toMatchObject({
      name: 'connection 4 from 127.0.0.1:40004',
      first: { lsn: changedAt },
      difference: {
        kind: 'bytes',
        recorded: { offset: 9, place: { lsn: changedAt }, bytes: 18 },
        replayed: { offset: 9, place: { lsn: changedAt }, bytes: 18 },
      },
    });
    expect(report.totals).toMatchObject({ same: 1, different: 1, onlyRecorded: 0 });
  });

  test('does not count when an ignored pattern covers it', () => {
    const changed = ECHO.replace("'got '", "'gut '");
    expect(refeed(echoed(), changed).report.findings).not.toEqual([]);
    expect(refeed(echoed(), changed, { ignore: ['g.t'] }).report.findings).toEqual([]);
  });

  test('in other chunks is no difference', () => {
    const changed = ECHO.replace(
      "socket.write('got ' + bytes)",
      "{ socket.write('go'); setImmediate(() => socket.write('t ' + bytes)); }",
    );
    expect(refeed(echoed(), changed).report.findings).toEqual([]);
  });

  test('that only starts later still counts as the same bytes', () => {
    const changed = ECHO.replace(
      "socket.write('got ' + bytes)",
      "setTimeout(() => socket.write('got ' + bytes), 2)",
    );
    const recording = new Recording(ECHO).bound(1, 8080).accept(2).data(2, 'one').wait(5);
    expect(refeed(recording.data(2, 'two').wait(5).data(2, ''), changed).report.findings).toEqual(
      [],
    );
  });
});

describe('what the changed guest drives itself', () => {
  const ticking = (millis: number, count: number): string => `
    let n = 0;
    const timer = setInterval(() => { console.log(++n); if (n === ${count}) clearInterval(timer); }, ${millis});`;

  test('its alarms ring when they are due, wherever the recorded ones did', () => {
    const recording = new Recording(ticking(10, 5)).wait(100);
    expect(refeed(recording, ticking(17, 5)).report.findings).toEqual([]);
    expect(refeed(recording, ticking(3, 5)).report.findings).toEqual([]);
    const found = only(refeed(recording, ticking(10, 6)).report.findings);
    expect(found).toMatchObject({ name: 'stdout', difference: { kind: 'longer' } });
  });

  test('it comes to its end after the recorded guest has', () => {
    const recording = new Recording(ticking(1, 3)).wait(50);
    const { report } = refeed(recording, ticking(400, 3));
    expect(report.findings).toEqual([]);
  });

  test('a guest that never pauses does not keep the log from going on', () => {
    const changed = `${ECHO}; (function again() { setImmediate(again); })();`;
    const { report } = refeed(echoed().wait(1000).data(2, 'five'), changed);
    expect(report.findings).toEqual([]);
    expect(report.roundsCut).toBe(true);
  });

  test('a turn without an end is stopped at the limit, and the rest of the log is counted', () => {
    const spin = "function spin(bytes) { while (bytes == 'three\\n'); }";
    const changed = spin + ECHO.replace("socket.write('got ' + bytes)", '(spin(bytes), $&)');
    const recording = echoed();
    const { report } = refeed(recording, changed, { turnTicksMax: 1_000_000 });
    expect(report.turnLimitHit).toBe(true);
    expect(report.inputsAfterExit).toBe(3);
    const exit = report.findings.find(({ type }) => type === 'exit');
    expect(exit).toMatchObject({
      recorded: undefined,
      replayed: { code: 124, place: { lsn: 13 } },
    });
  });

  test('output beyond the write credit gets its drains', () => {
    const script = (size: number): string =>
      `require('node:net').createServer((socket) => {
        let left = ${size};
        const more = () => { while (left > 0) { left -= 50_000; if (!socket.write('x'.repeat(50_000))) break; } };
        socket.on('drain', more);
        socket.on('data', more);
      }).listen(8080);`;
    const recording = new Recording(script(100_000)).bound(1, 8080).accept(2).data(2, 'go');
    const { report } = refeed(recording.data(2, 'on'), script(900_000));
    expect(only(report.findings)).toMatchObject({
      difference: { kind: 'longer', recorded: { bytes: 100_000 }, replayed: { bytes: 900_000 } },
    });
  });

  test('what it closes is closed, at once and with a close of its own', () => {
    const changed = ECHO.replace(
      "socket.write('got ' + bytes)",
      "socket.end('got ' + bytes).destroy()",
    );
    const recording = new Recording(ECHO).bound(1, 8080).accept(2).data(2, 'one').data(2, 'two');
    const { report } = refeed(recording, changed);
    const [console, connection] = report.findings;
    expect(console).toMatchObject({ name: 'stdout', difference: { kind: 'longer' } });
    expect(text(console?.type === 'stream' ? console.difference?.replayed.after : undefined)).toBe(
      'closed\n',
    );
    expect(connection).toMatchObject({ name: 'connection 2 from 127.0.0.1:40002' });
    expect(report.untaken).toMatchObject([{ inputs: 1, bytes: 3, lsn: recording.lsn }]);
  });

  test('what only the recorded guest closed stays open, and that is a difference', () => {
    const closing = ECHO.replace(
      "socket.write('got ' + bytes)",
      "socket.end('got ' + bytes).destroy()",
    );
    const recording = new Recording(closing).bound(1, 8080).accept(2).data(2, 'one').close(2);
    const { report } = refeed(recording, ECHO);
    expect(report.findings).toMatchObject([
      { name: 'connection 2 from 127.0.0.1:40002', difference: { kind: 'closing' } },
      { name: 'stdout', difference: { kind: 'longer' } },
    ]);
  });
});

describe('listeners', () => {
  test('one that moved takes the connections of the one that was recorded', () => {
    const { report } = refeed(echoed(), ECHO.replace('8080', '9090'));
    expect(only(report.findings)).toMatchObject({
      type: 'listen',
      recorded: '*:8080',
      replayed: '*:9090',
    });
    expect(report.totals.same).toBe(2);
  });

  test('an added one is told that it listens', () => {
    const changed = `${ECHO}; require('node:net').createServer().listen(1, '::1', () => console.log('admin'));`;
    const { report } = refeed(echoed(), changed);
    expect(report.findings).toMatchObject([
      { type: 'listen', recorded: undefined, replayed: '[::1]:1' },
      { name: 'stdout' },
    ]);
  });

  test('without any no connection has a taker', () => {
    const { report } = refeed(echoed(), "console.log('ready'); setInterval(() => {}, 1000);");
    expect(report.totals).toMatchObject({ same: 0, onlyRecorded: 2 });
    expect(report.untaken).toMatchObject([
      {
        name: 'connection 2 from 127.0.0.1:40002',
        inputs: 3,
        bytes: 15,
        reason: 'nobody listens on *:8080',
      },
      { name: 'connection 4 from 127.0.0.1:40004', inputs: 3, bytes: 4 },
    ]);
  });

  test('one that the guest closes is told so, and takes nothing more', () => {
    const changed = ECHO.replace(
      "console.log('ready')",
      "(console.log('ready'), server.close())",
    ).replace('net.createServer', 'const server = net.createServer');
    const { report } = refeed(echoed(), changed);
    expect(report.totals.onlyRecorded).toBe(2);
  });
});

describe('outgoing connections', () => {
  const proxy = (address: string, delayMs = 0): string => `
    const net = require('node:net');
    setTimeout(() => {
      const peer = net.connect(${address}, () => peer.write('hello'));
      peer.on('data', (bytes) => console.log('peer ' + bytes));
      peer.on('error', (error) => console.log(error.code));
    }, ${delayMs});`;
  const recorded = (): Recording =>
    new Recording(proxy("9000, '10.0.0.1'")).wait(2).connected(1).data(1, 'welcome').wait(30);

  test('get the recorded answers, also when they are asked for later', () => {
    expect(refeed(recorded(), proxy("9000, '10.0.0.1'")).report.findings).toEqual([]);
    const late = recorded().data(1, '!').wait(30);
    expect(refeed(late, proxy("9000, '10.0.0.1'", 20)).report.findings).toMatchObject([]);
  });

  test('to an address that was never recorded are refused and named', () => {
    const changed = `${proxy("9001, '10.0.0.1'")}; setInterval(() => {}, 1000);`;
    const { report } = refeed(recorded(), changed);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        type: 'unanswerable',
        what: 'a connection to 10.0.0.1:9001, number 1: the recorded run never opened it',
      }),
    );
    const console = report.findings.find((one) => one.type === 'stream' && one.name === 'stdout');
    expect(text(console?.type === 'stream' ? console.difference?.replayed.after : undefined)).toBe(
      'ECONNREFUSED\n',
    );
    expect(report.totals).toMatchObject({ onlyRecorded: 1, onlyReplayed: 1 });
    expect(report.untaken).toMatchObject([{ reason: 'was not asked for', inputs: 2 }]);
  });

  test('that are tried again and again do not keep the log from going on', () => {
    const again = `
      (function again() { net.connect(1, '10.0.0.1').on('error', again); })();`;
    const { report } = refeed(echoed(), `${ECHO}${again}`);
    expect(report.totals.same).toBe(2);
  });

  test('that were reset are reset', () => {
    const recording = recorded().close(1, NET_ERRORS.indexOf('ECONNRESET'));
    expect(refeed(recording, `${proxy("9000, '10.0.0.1'")};`).report.findings).toEqual([]);
  });
});

describe('the process', () => {
  test('standard input waits until the changed guest reads it', () => {
    const script = (start: string): string =>
      `${start}(() => process.stdin.on('data', (bytes) => console.log('in ' + bytes)));`;
    const recording = new Recording(script('process.nextTick'));
    recording
      .input(INTERRUPT.stdinData, { payload: 'a' })
      .input(INTERRUPT.stdinData, { payload: 'b' })
      .wait(50);
    recording.input(INTERRUPT.stdinEnd);
    const later = 'const later = (run) => setTimeout(run, 20);';
    expect(refeed(recording, `${later}${script('later')}`).report.findings).toEqual([]);
    const never = refeed(recording, 'setInterval(() => {}, 1000)').report;
    expect(never.untaken).toMatchObject([{ name: 'stdin', inputs: 3, bytes: 2 }]);
  });

  test('an exception at once, another exit code and an early end are found', () => {
    for (const [changed, code] of [
      ["throw new Error('no');", 1],
      ['process.exit(7);', 7],
      ['', 0],
    ] as const) {
      const { report } = refeed(echoed(), changed);
      const exit = report.findings.find(({ type }) => type === 'exit');
      expect(exit).toMatchObject({ recorded: undefined, replayed: { code, place: { lsn: 1 } } });
      expect(report.inputsAfterExit).toBe(report.turns.recorded - 1);
    }
  });

  test('a recorded stop is told and not repeated', () => {
    const recording = new Recording('for (;;);', { stopAfterPolls: 100 });
    const { report } = refeed(recording, "console.log('on'); setInterval(() => {}, 1000);");
    expect(report.recordedStop).toMatchObject({ lsn: 1 });
    expect(report.findings).toMatchObject([{ name: 'stdout' }]);
  });

  test('a recorded guest that does not replay ends the comparison', () => {
    const recording = echoed();
    const index = recording.records.findLastIndex(({ type }) => type === 'end');
    const end = recording.records[index];
    if (end?.type === 'end') recording.records[index] = { ...end, digest: end.digest ^ 1 };
    const { run } = refeed(recording, ECHO);
    expect(run.divergence).toMatchObject({ lsn: index + 1 });
  });
});
