/**
 * A guest that shows one source of nondeterminism per command, and a recorded history in which every
 * command comes twice: where a fault is planted, and nowhere before, something has to differ.
 */

import type { ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import { INTERRUPT, type InterruptKind } from '../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from '../support/guest-runner.ts';
import type { Built } from './machines.ts';
import { asLsn, endOf, type LogRecord, type Lsn, resyncAt, stamped } from './records.ts';

export const SAMPLER = `(function hvMain(require) {
const net = require('net'); const os = require('os'); const crypto = require('crypto');
const print = (...all) => console.log(...all);
const nan = new Float64Array([1.2345678901234567e+100, NaN]);
const sockets = [];
print('boot', process.env.MODE, process.argv.join(), process.cwd(), process.pid, os.hostname(), process.stdout.isTTY);
const commands = {
  clock: () => print('clock', Date.now()),
  hrtime: () => print('hrtime', process.hrtime.bigint()),
  zone: () => print('zone', new Date(0).getTimezoneOffset(), new Date(2024, 5, 1).toString()),
  random: () => print('random', Math.random()),
  crypto: () => print('crypto', crypto.randomBytes(8).toString('hex')),
  alarm: () => { setTimeout(() => print('rang early'), 20); setTimeout(() => print('rang late'), 60); },
  jobs: () => { for (const n of [1, 2, 3]) Promise.resolve().then(() => print('job', n)); },
  depth: () => { let n = 0; const f = () => { n++; f(); }; try { f(); } catch { print('depth', n); } },
  heap: () => { let n = 0; const all = []; try { for (;;) { all.push(new ArrayBuffer(1048576)); n++; } } catch { all.length = 0; print('heap', n); } },
  gc: () => { let dead = 0; const seen = []; const refs = []; for (let i = 0; i < 1500; i++) { const ring = { i, pad: new Array(60).fill(i) }; ring.self = ring; refs.push(new WeakRef(ring)); } for (const ref of refs) if (ref.deref() === undefined) dead++; print('gc', dead); },
  nan: () => print('nan', [...new Uint8Array(nan.buffer)].join()),
  stack: () => print(new Error('here').stack),
  encode: () => print('encode', [...new TextEncoder().encode('h\\u00e9\\u20ac')].join()),
  decode: () => print('decode', new TextDecoder().decode(new Uint8Array([104, 195, 169, 226, 130, 172]))),
  spin: () => { let n = 0; const from = Date.now(); while (Date.now() - from < 30) n++; print('spin', n, performance.now()); },
  listen: () => net.createServer((c) => { sockets.push(c); c.on('data', (d) => c.write(d.length + ':' + d)); c.on('close', () => print('closed')); c.on('error', (x) => print(x.code)); c.write('welcome'); }).listen(8080),
  signals: () => process.on('SIGUSR2', (name, number) => print('signal', name, number)),
  quiet: () => {},
};
process.on('SIGTERM', (name, number) => print('signal', name, number));
process.stdin.on('data', (d) => { for (const name of String(d).trim().split(' ')) commands[name](); });
})`;

/** Turns by name; the fault goes into the turn of that name. */
export interface History {
  readonly groups: readonly ReplayGroup[];
  readonly turns: ReadonlyMap<string, Lsn>;
}

interface Planned {
  readonly name: string;
  readonly kind: InterruptKind;
  readonly id?: number;
  readonly num?: number;
  readonly text?: string;
  readonly micros?: number;
}

const ADDRESS = { address: '127.0.0.1', family: 'IPv4', port: 8080 };
const ENDS = JSON.stringify({ peer: { ...ADDRESS, port: 5001 }, local: ADDRESS });
const COMMANDS =
  'clock hrtime zone random crypto jobs depth heap gc nan stack encode decode spin quiet signals';
const GROUP_TURNS = 3;
/** Where the resync cuts a spin: in the middle of it. */
const SPIN_TICKS = 20_002;

function command(name: string, text = name): Planned {
  return { name, kind: INTERRUPT.stdinData, text: `${text}\n` };
}

/** First everything once, so that a fault is planted into a machine that is warm. */
function plan(): Planned[] {
  const data = (name: string, text: string): Planned => ({
    name,
    kind: INTERRUPT.netData,
    id: 2,
    text,
  });
  return [
    {
      name: 'boot',
      kind: INTERRUPT.boot,
      text: JSON.stringify({ ...TEST_CONFIG, env: { MODE: 'a' } }),
    },
    ...COMMANDS.split(' ').map((name) => command(`first ${name}`, name)),
    command('listen'),
    {
      name: 'bound',
      kind: INTERRUPT.netBound,
      id: 1,
      text: JSON.stringify(ADDRESS),
    },
    { name: 'accept', kind: INTERRUPT.netAccept, id: 2, num: 1, text: ENDS },
    data('first data', 'hello'),
    ...COMMANDS.split(' ').map((name) => command(name)),
    command('alarm'),
    { name: 'rings', kind: INTERRUPT.alarm, micros: 62_500 },
    data('data', 'the quick brown fox'),
    data('order one', 'one'),
    data('order two', 'two'),
    { name: 'signal', kind: INTERRUPT.signal, id: 15 },
    { name: 'reseed', kind: INTERRUPT.reseed, text: 'x'.repeat(32) },
    command('random again', 'random'),
    { name: 'close', kind: INTERRUPT.netClose, id: 2, num: 2 },
    command('last', 'clock random crypto'),
  ];
}

function bytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(text);
}

/** Records the history on a fresh machine: a resync falls into the middle of every `spin`. */
export function recordSampler({ machine }: Built): History {
  const turns = new Map<string, Lsn>();
  const groups: ReplayGroup[] = [];
  const planned = plan();
  let lsn = 0;
  let time: number = TEST_HEADER.startedAt;
  while (planned.length > 0) {
    const waits = planned.findIndex(({ micros }, index) => index > 0 && micros !== undefined);
    const some = planned.splice(0, waits < 0 ? GROUP_TURNS : Math.min(GROUP_TURNS, waits));
    const firstLsn = asLsn(lsn + 1);
    time = Math.max(time + 1000, Math.ceil(machine.now)) + (some[0]?.micros ?? 0);
    const records: LogRecord[] = some.map(({ kind, id = 0, num = 0, text }) =>
      stamped({ kind, id, num, payload: bytes(text) }, time),
    );
    lsn += records.length;
    let last: TurnsResult | undefined;
    for (const [index, { name }] of some.entries()) {
      const turn = asLsn(firstLsn + index);
      turns.set(name, turn);
      const at = machine.ticks + SPIN_TICKS;
      const record = records[index];
      if (record?.type !== 'interrupt') throw new Error('a planned record is an interrupt');
      machine.turn(record, turn, {
        nextTicks: () => at,
        poll: (ticks) => {
          if (ticks !== at) return undefined;
          const cut = resyncAt(turn, ticks, Math.ceil(machine.now) + 40_000);
          records.push(cut);
          return { record: cut, lsn: asLsn(++lsn) };
        },
      });
      last = machine.collect();
    }
    if (last === undefined) throw new Error('a group has a turn');
    records.push(endOf(last));
    lsn += 1;
    groups.push({ firstLsn, records });
  }
  return { groups, turns };
}
