import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Output } from '../../../hypervisor/ports.ts';
import { AsciicastEncoder } from '../../../hypervisor/timeline/export/asciicast.ts';
import type { TimelineEvent } from '../../../hypervisor/timeline/export/events.ts';
import { JsonlEncoder } from '../../../hypervisor/timeline/export/jsonl.ts';
import { PerfettoEncoder } from '../../../hypervisor/timeline/export/perfetto.ts';
import { asEpoch, asLsn, asMicros, asTicks, INTERRUPT } from '../../../log-format/index.ts';
import { end, interrupt, STARTED_AT, sampleHeader } from '../log-format/samples.ts';
import { bytes, encoded, outputEvent, recordEvent } from './export-events.ts';

const header = sampleHeader();
const console1 = (text: string | Uint8Array, fd: 1 | 2 = 1): Output => ({
  device: 'console',
  fd,
  bytes: typeof text === 'string' ? bytes(text) : text,
});
const lines = (text: Buffer): unknown[] =>
  String(text)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe('JSON lines', () => {
  const jsonl = (...args: [readonly TimelineEvent[], { lsn: number; code: string }?]) =>
    lines(
      encoded(
        (sink) => new JsonlEncoder({ header, sink }),
        args[0],
        args[1] && { ...args[1], lsn: asLsn(args[1].lsn) },
      ),
    );

  test('hold records as hv log cat prints them, and outputs behind their causes', () => {
    const record = interrupt(20, { kind: INTERRUPT.netData, id: 2, payload: bytes('hi') });
    const write: Output = { device: 'net', op: 'write', id: 2, offset: 7, bytes: bytes('yo') };
    expect(jsonl([recordEvent(4, record), outputEvent(4, 20, write)])).toEqual([
      { lsn: 4, epoch: 1, kind: 'netData', micros: 20, id: 2, num: 0, payload: 'hi' },
      {
        lsn: 4,
        epoch: 1,
        kind: 'out.netWrite',
        micros: 20,
        turn: 4,
        id: 2,
        offset: 7,
        payload: 'yo',
      },
    ]);
  });

  test.each<[Output, object]>([
    [console1(new Uint8Array([0, 255])), { kind: 'out.console', fd: 1, payloadBase64: 'AP8=' }],
    [
      { device: 'exit', code: 3 },
      { kind: 'out.exit', code: 3 },
    ],
    [
      { device: 'stdin', on: true },
      { kind: 'out.stdin', on: true },
    ],
    [
      { device: 'signal', number: 15, on: false },
      { kind: 'out.signal', number: 15, on: false },
    ],
    [
      { device: 'net', op: 'consumed', id: 2, bytes: 65536 },
      { kind: 'out.netConsumed', id: 2, bytes: 65536 },
    ],
    [
      { device: 'net', op: 'listen', id: 1, host: '', port: 80, backlog: 5 },
      { kind: 'out.netListen', id: 1, host: '', port: 80, backlog: 5 },
    ],
    [
      { device: 'net', op: 'destroy', id: 2, reset: true },
      { kind: 'out.netDestroy', id: 2, reset: true },
    ],
  ])('hold every field of %o', (output, fields) => {
    const common = { lsn: 9, epoch: 1, micros: 5, turn: 9 };
    expect(jsonl([outputEvent(9, 5, output)])).toEqual([{ ...common, ...fields }]);
  });

  test('mark outputs that no check covers, and say when they are not all', () => {
    const tail = outputEvent(9, 5, { device: 'exit', code: 0 }, { verified: false });
    expect(jsonl([tail], { lsn: 9, code: 'HV_E_DIVERGED' })).toMatchObject([
      { kind: 'out.exit', unverified: true },
      { kind: 'incomplete', lsn: 9, code: 'HV_E_DIVERGED' },
    ]);
  });

  test('leave out what is not in the range', () => {
    expect(jsonl([recordEvent(1, end(1), { shown: false })])).toEqual([]);
  });
});

describe('an asciicast', () => {
  const boot = (columns: unknown) =>
    recordEvent(
      1,
      interrupt(0, { kind: INTERRUPT.boot, payload: bytes(JSON.stringify({ columns })) }),
    );
  const cast = (events: readonly TimelineEvent[], stderr = false) =>
    lines(encoded((sink) => new AsciicastEncoder({ header, sink, stderr }), events));

  test('is as wide as the guest was told, and begins when the log does', () => {
    expect(cast([boot(132), outputEvent(1, 1_500_000, console1('a\nb'))])).toEqual([
      { version: 2, width: 132, height: 24, timestamp: 1_795_000_000, title: 'server (server.js)' },
      [1.5, 'o', 'a\r\nb'],
    ]);
    expect(cast([boot('wide')])).toMatchObject([{ width: 80 }]);
  });

  test('has standard error only when asked', () => {
    const events = [outputEvent(1, 0, console1('out')), outputEvent(1, 0, console1('err', 2))];
    expect(cast(events).slice(1)).toEqual([[0, 'o', 'out']]);
    expect(cast(events, true).slice(1)).toEqual([
      [0, 'o', 'out'],
      [0, 'o', 'err'],
    ]);
  });

  test('does not take standard error for the rest of a character', () => {
    const parts = [
      console1(new Uint8Array([0xc3])),
      console1('!', 2),
      console1(new Uint8Array([0xa9])),
    ];
    const events = parts.map((part) => outputEvent(1, 0, part));
    expect(cast(events, true).slice(1)).toEqual([
      [0, 'o', '!'],
      [0, 'o', 'é'],
    ]);
  });

  test('has a marker where it ends too early', () => {
    const make = (sink: (chunk: string | Uint8Array) => void) =>
      new AsciicastEncoder({ header, sink, stderr: false });
    const text = encoded(make, [], { lsn: asLsn(7), code: 'HV_E_DIVERGED' });
    expect(lines(text)[1]).toEqual([0, 'm', 'incomplete: ends behind record 7 (HV_E_DIVERGED)']);
  });

  test('says what was printed, however its characters were cut into writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(9)), (text, cuts) => {
        const whole = bytes(text);
        const events: TimelineEvent[] = [];
        let at = 0;
        for (const size of [...cuts, whole.length]) {
          events.push(outputEvent(1, at, console1(whole.slice(at, at + size))));
          at += size;
        }
        const said = (cast(events).slice(1) as [number, string, string][]).map(
          ([, , part]) => part,
        );
        expect(said.join('')).toBe(String(Buffer.from(whole)).replaceAll('\n', '\r\n'));
      }),
    );
  });
});

interface TraceEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid?: number;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: Record<string, unknown>;
}

describe('a trace', () => {
  const trace = (events: readonly TimelineEvent[]) => {
    const text = encoded((sink) => new PerfettoEncoder({ header, sink }), events);
    const parsed = JSON.parse(String(text)) as { traceEvents: TraceEvent[] };
    return parsed.traceEvents;
  };
  const turn = (lsn: number, micros: number, ticks: number, endedAt = micros + ticks / 128) =>
    recordEvent(lsn, interrupt(micros, { kind: INTERRUPT.netData, id: 2, payload: bytes('x') }), {
      turn: { ticks, endedAt: STARTED_AT + endedAt },
    });

  test('has a slice per turn, as long as its ticks, that names connection and record', () => {
    expect(trace([turn(5, 1000, 256)]).find(({ ph }) => ph === 'X')).toEqual({
      ph: 'X',
      pid: 1,
      tid: 1,
      name: 'netData #2',
      ts: 1000,
      dur: 2,
      args: { lsn: 5, epoch: 1, micros: 1000, ticks: 256, bytes: 1 },
    });
  });

  test('shows a turn whose clock was moved on as long as its clock says', () => {
    const slices = trace([turn(5, 1000, 256, 21_000)]).filter(({ ph }) => ph === 'X');
    expect(slices).toMatchObject([{ ts: 1000, dur: 20_000 }]);
  });

  test('has an instant for views, stops and what cut a turn', () => {
    const events = trace([
      recordEvent(1, {
        type: 'view',
        time: asMicros(STARTED_AT + 5),
        epoch: asEpoch(2),
        primary: 'a',
        backups: [],
      }),
      turn(2, 10, 128),
      recordEvent(3, {
        type: 'resync',
        turn: asLsn(2),
        ticks: asTicks(9),
        time: asMicros(STARTED_AT + 30),
      }),
      recordEvent(4, {
        type: 'stopAt',
        turn: asLsn(2),
        ticks: asTicks(9),
        code: 124,
        reason: 'limit',
      }),
      recordEvent(5, { type: 'stop', time: asMicros(STARTED_AT + 40), code: 0, reason: 'exit' }),
    ]);
    expect(
      events.filter(({ ph }) => ph === 'i').map(({ name, ts, args }) => [name, ts, args.lsn]),
    ).toEqual([
      ['epoch 2', 5, 1],
      ['resync', 30, 3],
      ['stopAt', 30, 4],
      ['stop', 40, 5],
    ]);
  });

  test('counts output bytes, log bytes and ticks', () => {
    const events = [
      turn(1, 0, 1280),
      outputEvent(1, 0, console1('four')),
      turn(2, 500_000, 0),
      recordEvent(3, end(1280), { logBytes: 777 }),
    ];
    const counters = trace(events).filter(({ ph }) => ph === 'C');
    expect(Object.fromEntries(counters.map(({ name, args }) => [name, args.value]))).toEqual({
      'ticks per second': 2560,
      'output bytes': 4,
      'log bytes': 777,
    });
  });

  test('has slices that never overlap, and tracks in order, whatever the times', () => {
    const turns = fc.array(
      fc.record({ wait: fc.integer({ min: -50, max: 500 }), ticks: fc.nat(100_000) }),
    );
    fc.assert(
      fc.property(turns, (story) => {
        let at = 1000;
        const events = story.flatMap(({ wait, ticks }, index) => {
          at += wait;
          return [turn(2 * index + 1, at, ticks), recordEvent(2 * index + 2, end(ticks))];
        });
        const tracks = new Map<string, number>();
        for (const { ph, tid, name, ts, dur } of trace(events)) {
          if (ph === 'M') continue;
          const track = ph === 'C' ? name : String(tid);
          expect(ts).toBeGreaterThanOrEqual(tracks.get(track) ?? 0);
          if (ph === 'X') expect(dur).toBeGreaterThanOrEqual(0);
          tracks.set(track, ts + (ph === 'X' ? dur : 0));
        }
      }),
    );
  });
});
