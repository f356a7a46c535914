import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TimelineEvent } from '../../../hypervisor/timeline/export/events.ts';
import { PcapngEncoder } from '../../../hypervisor/timeline/export/pcapng.ts';
import { asLsn, INTERRUPT, NET_ERRORS, sha256Hex } from '../../../log-format/index.ts';
import { readCapture, streamsOf } from '../../support/capture.ts';
import { interrupt, STARTED_AT, sampleHeader } from '../log-format/samples.ts';
import { bytes, encoded, outputEvent, recordEvent } from './export-events.ts';

const V4 = { peer: ['192.0.2.7', 50_000], local: ['10.0.0.1', 80] } as const;
const V6 = { peer: ['2001:db8::7%eth0', 50_001], local: ['::1', 443] } as const;
type Ends = { peer: readonly [string, number]; local: readonly [string, number] };

function endsPayload({ peer, local }: Ends): Uint8Array {
  const one = ([address, port]: readonly [string, number]) => ({ address, family: '', port });
  return bytes(JSON.stringify({ peer: one(peer), local: one(local) }));
}

/** Builds events with consecutive lsns, a millisecond apart. */
class Story {
  readonly events: TimelineEvent[] = [];
  #lsn = 0;
  readonly #shown: (lsn: number) => boolean;

  constructor(shown: (lsn: number) => boolean = () => true) {
    this.#shown = shown;
  }

  in(kind: number, id: number, changes: { num?: number; payload?: Uint8Array } = {}): this {
    const lsn = ++this.#lsn;
    const record = interrupt(1000 * lsn, { kind, id, ...changes } as object);
    this.events.push(recordEvent(lsn, record, { shown: this.#shown(lsn) }));
    return this;
  }

  out(output: { op: string; id: number; [field: string]: unknown }, verified = true): this {
    const lsn = this.#lsn;
    const net = { device: 'net', ...output } as Parameters<typeof outputEvent>[2];
    this.events.push(outputEvent(lsn, 1000 * lsn, net, { verified, shown: this.#shown(lsn) }));
    return this;
  }

  accept(id: number, ends: Ends = V4): this {
    return this.in(INTERRUPT.netAccept, id, { num: 1, payload: endsPayload(ends) });
  }

  data(id: number, payload: Uint8Array | string): this {
    const raw = typeof payload === 'string' ? bytes(payload) : payload;
    return this.in(INTERRUPT.netData, id, { payload: raw });
  }

  write(id: number, payload: Uint8Array | string, verified = true): this {
    const raw = typeof payload === 'string' ? bytes(payload) : payload;
    return this.out({ op: 'write', id, offset: 0, bytes: raw }, verified);
  }

  close(id: number, error = ''): this {
    return this.in(INTERRUPT.netClose, id, {
      num: NET_ERRORS.indexOf(error as (typeof NET_ERRORS)[number]),
    });
  }

  capture(incomplete?: { lsn: ReturnType<typeof asLsn>; code: string }) {
    const make = (sink: (chunk: Uint8Array | string) => void) =>
      new PcapngEncoder({ header: sampleHeader(), sink });
    return readCapture(encoded(make, this.events, incomplete));
  }
}

const shape = (story: Story): string[] =>
  story.capture().frames.map(({ flags, payload, comment }) => `${flags} ${payload} | ${comment}`);

describe('a capture', () => {
  test('of a request and its answer is a whole conversation whose frames name their records', () => {
    const story = new Story().accept(2).data(2, 'ping').write(2, 'pong');
    story.in(INTERRUPT.netEnd, 2).out({ op: 'end', id: 2 }).close(2);
    expect(shape(story)).toEqual([
      'syn  | hv lsn 1',
      'syn ack  | hv lsn 1',
      'ack  | hv lsn 1',
      'psh ack ping | hv lsn 2',
      'psh ack pong | hv lsn 2 output',
      'fin ack  | hv lsn 3',
      'fin ack  | hv lsn 3 output',
      'ack  | hv lsn 4',
    ]);
    const [stream] = streamsOf(story.capture().frames);
    expect(stream).toMatchObject({ client: 'c0000207:50000', server: '0a000001:80' });
  });

  test('says which guest it is of, and gives frames the times of their records', () => {
    const { comments, interfaceName, frames } = new Story().accept(2).data(2, 'x').capture();
    expect(comments[0]).toContain('server-0badcafe');
    expect(interfaceName).toBe('hv');
    expect(frames.map(({ time }) => time - STARTED_AT)).toEqual([1000, 1000, 1000, 2000]);
  });

  test('of IPv6 ends has IPv6 packets, and of mixed ends too', () => {
    const mixed = { peer: ['192.0.2.7', 1], local: ['fe80::1', 2] } as const;
    for (const [ends, client] of [
      [V6, '20010db8000000000000000000000007:50001'],
      [mixed, '00000000000000000000ffffc0000207:1'],
    ] as const) {
      const { frames } = new Story().accept(2, ends).data(2, 'x'.repeat(3000)).capture();
      expect(frames.map(({ version }) => version)).toEqual(frames.map(() => 6));
      expect(streamsOf(frames)[0]).toMatchObject({ client });
    }
  });

  test('of an outgoing connection begins at the guest, with what it wrote before it was open', () => {
    const story = new Story().in(INTERRUPT.alarm, 0);
    story.out({ op: 'connect', id: 1, host: 'db.example', port: 5432 }).write(1, 'early');
    story.in(INTERRUPT.netConnected, 1, { payload: endsPayload(V4) }).write(1, ' late');
    expect(shape(story).slice(3)).toEqual([
      'psh ack early | hv lsn 1 output',
      'psh ack  late | hv lsn 2 output',
    ]);
    const [stream] = streamsOf(story.capture().frames);
    expect(stream).toMatchObject({ client: '0a000001:80' });
    expect(String(stream?.sent.client)).toBe('early late');
  });

  test('has no frames of a connection that never opened', () => {
    const story = new Story().in(INTERRUPT.alarm, 0);
    story.out({ op: 'connect', id: 1, host: '192.0.2.1', port: 9 }).write(1, 'x');
    expect(story.close(1, 'ECONNREFUSED').capture().frames).toEqual([]);
  });

  test('tells whose reset it was', () => {
    const ends = (story: Story) => streamsOf(story.capture().frames).map((one) => one.ends);
    expect(ends(new Story().accept(2).close(2, 'ECONNRESET'))).toEqual([['client rst']]);
    expect(ends(new Story().accept(2).close(2, 'ETIMEDOUT'))).toEqual([['server rst']]);
    const own = new Story().accept(2).out({ op: 'destroy', id: 2, reset: true }).close(2);
    expect(ends(own)).toEqual([['server rst']]);
    const quiet = new Story().accept(2).out({ op: 'destroy', id: 2, reset: false }).close(2);
    expect(ends(quiet)).toEqual([['server fin']]);
  });

  test('leaves out what a guest writes behind its own end, as its socket did', () => {
    const story = new Story().accept(2).write(2, 'a').out({ op: 'end', id: 2 }).write(2, 'late');
    const [stream] = streamsOf(story.capture().frames);
    expect(String(stream?.sent.server)).toBe('a');
  });

  test('marks what no check covers, and says at its end when there is more that it lacks', () => {
    const story = new Story().accept(2).write(2, 'tail', false);
    const capture = story.capture({ lsn: asLsn(1), code: 'HV_E_LOG_DAMAGED' });
    expect(capture.frames.at(-1)?.comment).toBe('hv lsn 1 output, not verified');
    expect(capture.closing).toBe('incomplete: ends behind record 1 (HV_E_LOG_DAMAGED)');
    expect(story.capture().closing).toBeUndefined();
  });

  test('of a range goes on at the right place in streams that began before it', () => {
    const all = new Story().accept(2).data(2, 'before').data(2, 'within').capture().frames;
    const some = new Story((lsn) => lsn === 3).accept(2).data(2, 'before').data(2, 'within');
    expect(some.capture().frames).toEqual(all.slice(4));
  });

  test('never shows a time before the last one', () => {
    const story = new Story().accept(2);
    story.events.push(
      recordEvent(2, interrupt(10, { kind: INTERRUPT.netData, id: 2, payload: bytes('x') })),
    );
    expect(
      story
        .capture()
        .frames.map(({ time }) => time - STARTED_AT)
        .at(-1),
    ).toBe(1000);
  });
});

const step = fc.record({
  id: fc.constantFrom(2, 4, 6),
  op: fc.constantFrom('data', 'data', 'write', 'write', 'netEnd', 'end', 'destroy', 'close'),
  size: fc.oneof(fc.nat(40), fc.nat(4000), fc.constantFrom(1440, 1460, 1461, 65_536, 200_001)),
  reset: fc.boolean(),
});

/** What each connection must have carried; steps that no connection could take are left out. */
function told(steps: readonly { id: number; op: string; size: number; reset: boolean }[]) {
  const story = new Story();
  const all: { id: number; peer: Buffer[]; guest: Buffer[] }[] = [];
  const live = new Map<number, { peer: Buffer[]; guest: Buffer[]; shut: Set<string> }>();
  const ids = new Map([2, 4, 6].map((slot) => [slot, slot]));
  const open = (slot: number) => {
    const id = ids.get(slot) ?? slot;
    const one = { id, peer: [], guest: [], shut: new Set<string>() };
    live.set(slot, one);
    all.push(one);
    story.accept(id, slot === 4 ? V6 : { peer: ['10.1.1.1', id], local: V4.local });
    return one;
  };
  for (const [index, { id: slot, op, size, reset }] of steps.entries()) {
    const one = live.get(slot) ?? open(slot);
    const id = ids.get(slot) ?? slot;
    const payload = Buffer.alloc(size, index % 251);
    if (op === 'data' && !one.shut.has('peer')) {
      one.peer.push(payload);
      story.data(id, payload);
    } else if (op === 'write' && !one.shut.has('guest')) {
      one.guest.push(payload);
      story.write(id, payload);
    } else if (op === 'netEnd') {
      one.shut.add('peer');
      story.in(INTERRUPT.netEnd, id);
    } else if (op === 'end' || op === 'destroy') {
      one.shut.add('guest');
      story.out({ op, id, reset });
    } else if (op === 'close') {
      story.close(id, reset ? 'ECONNRESET' : '');
      live.delete(slot);
      ids.set(slot, id + 6);
    }
  }
  return { story, all };
}

describe('any traffic', () => {
  test('is carried byte for byte, in segments a network could have carried', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { story, all } = told(steps);
        const streams = streamsOf(story.capture().frames);
        const got = streams.map(({ sent }) => [sha256Hex(sent.client), sha256Hex(sent.server)]);
        const sum = (chunks: readonly Buffer[]) => sha256Hex(Buffer.concat(chunks));
        expect(got).toEqual(all.map((one) => [sum(one.peer), sum(one.guest)]));
      }),
      { numRuns: 200 },
    );
  });

  test('passes the end of the sequence numbers', () => {
    // Sequence numbers begin at a multiple of the id; some id begins right below the end.
    const near = Array.from({ length: 1_000_000 }, (_, half) => 2 * half + 2).find(
      (id) => Math.imul(2 * id, 0x9e37_79b1) >>> 0 > 2 ** 32 - 55_000,
    );
    const story = new Story().accept(near ?? 0).data(near ?? 0, Buffer.alloc(60_000, 7));
    const { frames } = story.capture();
    expect(frames.at(-1)?.seq).toBeLessThan(frames[0]?.seq ?? 0);
    expect(streamsOf(frames)[0]?.sent.client).toHaveLength(60_000);
  });
});
