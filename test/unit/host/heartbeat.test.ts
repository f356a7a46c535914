import { afterEach, describe, expect, test } from 'vitest';
import { formatAddress } from '../../../hypervisor/host/addresses.ts';
import { HostClock } from '../../../hypervisor/host/clock.ts';
import {
  type HeartbeatOptions,
  HeartbeatResponder,
  type HeartbeatSeen,
  HeartbeatSender,
} from '../../../hypervisor/host/heartbeat.ts';
import { dialLink, LinkListener } from '../../../hypervisor/host/link.ts';
import type { Clock, Link, LinkHandlers } from '../../../hypervisor/ports.ts';
import type { Message } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch, asMillis } from '../../../log-format/index.ts';
import { ManualClock } from './manual-clock.ts';

/** A link that keeps what is sent. */
class KeptLink implements Link {
  readonly peer = 'kept';
  readonly sent: Message[] = [];
  queuedBytes = 0;
  closed = false;
  handlers: LinkHandlers | undefined;

  send(message: Message): void {
    this.sent.push(message);
  }
  close(): void {
    this.closed = true;
  }
}

class Seen {
  readonly beats: HeartbeatSeen[] = [];
  readonly late: { lateMs: number; at: number }[] = [];
  readonly closes: string[] = [];
  readonly messages: Message[] = [];

  options(clock: Clock, epoch: () => number): HeartbeatOptions {
    return {
      clock,
      epoch: () => asEpoch(epoch()),
      intervalMs: 10,
      hooks: {
        onBeat: (seen) => this.beats.push(seen),
        onLate: (late) => this.late.push(late),
        onClose: (reason) => this.closes.push(reason),
        onMessage: (message) => this.messages.push(message),
      },
    };
  }
}

function echo(beat: number, epoch = 1): Message {
  return { type: 'heartbeat', epoch: asEpoch(epoch), beat };
}

function sender() {
  const clock = new ManualClock();
  const link = new KeptLink();
  const seen = new Seen();
  let epoch = 1;
  const open = (handlers: LinkHandlers): Link => {
    link.handlers = handlers;
    return link;
  };
  const heartbeat = new HeartbeatSender(
    open,
    seen.options(clock, () => epoch),
  );
  const turn = (to: number): void => {
    epoch = to;
  };
  return { clock, link, seen, heartbeat, turn };
}

describe('a heartbeat sender', () => {
  test('sends numbered beats with the epoch in force, one per interval', () => {
    const { clock, link, turn } = sender();
    clock.advance(9);
    expect(link.sent).toEqual([]);
    clock.advance(11);
    turn(4);
    clock.advance(10);
    expect(link.sent).toEqual([echo(1), echo(2), echo(3, 4)]);
  });

  test('reports echoes with their round trip', () => {
    const { clock, link, seen } = sender();
    clock.advance(20);
    clock.advance(3);
    link.handlers?.onMessage(echo(2, 7));
    link.handlers?.onMessage(echo(1));
    expect(seen.beats).toEqual([
      { epoch: 7, beat: 2, at: 23, roundTripMs: 3 },
      { epoch: 1, beat: 1, at: 23, roundTripMs: 13 },
    ]);
  });

  test('counts an echo of a beat it never sent as heard, without a round trip', () => {
    const { clock, link, seen } = sender();
    clock.advance(10 * 300);
    for (const beat of [0, 1, 301]) link.handlers?.onMessage(echo(beat));
    expect(seen.beats.map(({ roundTripMs }) => roundTripMs)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    link.handlers?.onMessage(echo(300));
    expect(seen.beats.at(-1)?.roundTripMs).toBe(0);
  });

  test('reports its own lateness before anything else and does not catch up', () => {
    const { clock, link, seen } = sender();
    clock.advance(10);
    clock.sleep(105);
    clock.advance(0);
    expect(seen.late).toEqual([{ lateMs: 95, at: 115 }]);
    expect(link.sent.length).toBe(2);
    clock.advance(9);
    expect(link.sent.length).toBe(2);
    clock.advance(1);
    expect(link.sent.length).toBe(3);
  });

  test('a little lateness is not reported and does not shift the pace', () => {
    const { clock, link, seen } = sender();
    clock.sleep(14);
    clock.advance(0);
    clock.advance(6);
    expect(seen.late).toEqual([]);
    expect(link.sent.length).toBe(2);
  });

  test('skips beats while its peer reads none', () => {
    const { clock, link } = sender();
    link.queuedBytes = 5_000;
    clock.advance(50);
    expect(link.sent).toEqual([]);
    link.queuedBytes = 0;
    clock.advance(10);
    expect(link.sent).toEqual([echo(1)]);
  });

  test('stops with its link and tells it once', () => {
    const { clock, link, seen } = sender();
    link.handlers?.onClose('connection lost');
    clock.advance(100);
    expect(link.sent).toEqual([]);
    expect(seen.closes).toEqual(['connection lost']);
    expect(clock.timers).toBe(0);
  });

  test('stop closes the link', () => {
    const { clock, link, heartbeat } = sender();
    heartbeat.stop();
    expect(link.closed).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test('passes other messages on', () => {
    const { link, seen } = sender();
    const bye: Message = { type: 'bye', epoch: asEpoch(1), code: 0, reason: 'stop' };
    link.handlers?.onMessage(bye);
    expect(seen.messages).toEqual([bye]);
    expect(seen.beats).toEqual([]);
  });
});

describe('a heartbeat responder', () => {
  test('echoes with its own epoch and reports when', () => {
    const clock = new ManualClock();
    const link = new KeptLink();
    const seen = new Seen();
    const responder = new HeartbeatResponder(
      link,
      seen.options(clock, () => 9),
    );
    clock.advance(4);
    responder.onMessage(echo(1));
    expect(link.sent).toEqual([echo(1, 9)]);
    expect(seen.beats).toEqual([{ epoch: 1, beat: 1, at: asMillis(4), roundTripMs: undefined }]);
  });

  test('reports its own lateness too', () => {
    const clock = new ManualClock();
    const seen = new Seen();
    const responder = new HeartbeatResponder(
      new KeptLink(),
      seen.options(clock, () => 1),
    );
    clock.sleep(60);
    clock.advance(0);
    expect(seen.late).toEqual([{ lateMs: 50, at: 60 }]);
    responder.onClose('gone');
    expect(clock.timers).toBe(0);
    expect(seen.closes).toEqual(['gone']);
  });
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

test('beats travel over a real link and the close of one side reaches the other', async () => {
  const clock = new HostClock();
  const near = new Seen();
  let farClose = (_reason: string): void => {};
  const farClosed = new Promise<string>((done) => {
    farClose = done;
  });
  const far = new Seen();
  const farOptions = far.options(clock, () => 2);
  const listener = await LinkListener.listen('127.0.0.1:0', {
    onLink: ({ link }) =>
      new HeartbeatResponder(link, {
        ...farOptions,
        hooks: { ...farOptions.hooks, onClose: farClose },
      }),
  });
  closers.push(() => listener.close());
  const options = near.options(clock, () => 1);
  const { heartbeat, closed } = await new Promise<{
    heartbeat: HeartbeatSender;
    closed: Promise<string>;
  }>((resolve) => {
    let close = (_reason: string): void => {};
    const closing = new Promise<string>((done) => {
      close = done;
    });
    const sending = new HeartbeatSender(
      (handlers) => dialLink(formatAddress(listener.address), '/heartbeat', handlers),
      {
        ...options,
        hooks: {
          ...options.hooks,
          onBeat: (seen) => {
            near.beats.push(seen);
            if (near.beats.length === 3) resolve({ heartbeat: sending, closed: closing });
          },
          onClose: close,
        },
      },
    );
  });
  expect(near.beats.map(({ beat, epoch }) => [beat, epoch])).toEqual([
    [1, 2],
    [2, 2],
    [3, 2],
  ]);
  expect(near.beats[0]?.roundTripMs).toBeGreaterThan(0);
  expect(far.beats.length).toBeGreaterThanOrEqual(3);
  heartbeat.stop();
  expect(await closed).toBe('closed here');
  expect(await farClosed).toBe('closed by the peer');
});
