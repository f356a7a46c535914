/** The guest's EventEmitter against Node's. */

import nodeEvents from 'node:events';
import { describe, expect, test } from 'vitest';
import { exported as guestEvents } from '../../../guest-sdk/node/events.ts';
import { AbortController } from '../../../guest-sdk/web/abort.ts';
import { EventTarget } from '../../../guest-sdk/web/event-target.ts';
import { installFakes, outcomeOf, seen } from './fake-traps.ts';

installFakes();

type Events = typeof nodeEvents;
const guest = guestEvents as unknown as Events;

function same(act: (EE: Events) => unknown): void {
  expect(outcomeOf(() => act(guest))).toEqual(outcomeOf(() => act(nodeEvents)));
}

async function sameAsync(act: (EE: Events) => Promise<unknown>): Promise<void> {
  const settle = async (EE: Events) => {
    try {
      return { value: await act(EE) };
    } catch (error) {
      const { name, code, message } = error as Error & { code?: unknown };
      return { name, code, message };
    }
  };
  expect(await settle(guest)).toEqual(await settle(nodeEvents));
}

describe('EventEmitter', () => {
  test('listeners run in order, also those added and removed while it emits', () => {
    same((EE) => {
      const trace: unknown[] = [];
      const emitter = new EE();
      const second = () => trace.push('second');
      emitter.on('x', function (this: unknown, ...args) {
        trace.push(['first', args, this === emitter]);
        emitter.removeListener('x', second);
        emitter.on('x', () => trace.push('late'));
      });
      emitter.on('x', second);
      emitter.prependListener('x', () => trace.push('before'));
      emitter.once('x', () => trace.push('once'));
      const answers = [emitter.emit('x', 1, 2, 3, 4), emitter.emit('x'), emitter.emit('y')];
      return [trace, answers, emitter.listenerCount('x'), emitter.eventNames()];
    });
  });

  test('newListener and removeListener tell the original function', () => {
    same((EE) => {
      const trace: unknown[] = [];
      const emitter = new EE();
      const f = () => {};
      emitter.on('newListener', (name, listener) => trace.push(['new', name, listener === f]));
      emitter.on('removeListener', (name, listener) => trace.push(['gone', name, listener === f]));
      emitter.once('a', f);
      emitter.prependOnceListener('a', f);
      emitter.on('b', f);
      trace.push(emitter.rawListeners('a').length, emitter.listeners('a')[0] === f);
      emitter.emit('a');
      emitter.off('b', f);
      emitter.removeAllListeners();
      return [trace, emitter.eventNames().length];
    });
  });

  test('removing finds the last of equal listeners', () => {
    same((EE) => {
      const emitter = new EE();
      const trace: number[] = [];
      const f = () => trace.push(0);
      emitter
        .on('x', f)
        .on('x', () => trace.push(1))
        .on('x', f);
      emitter.removeListener('x', f);
      emitter.emit('x');
      emitter.removeListener('x', f).removeListener('none', f);
      emitter.removeAllListeners('x').removeAllListeners('x');
      return [trace, emitter.listenerCount('x')];
    });
  });

  test('an error nobody listens for is thrown, with a context if it is none', () => {
    same((EE) => new EE().emit('error', new RangeError('mine')));
    same((EE) => new EE().emit('error', { code: 5 }));
    same((EE) => new EE().emit('error'));
    same((EE) => {
      const emitter = new EE();
      const trace: unknown[] = [];
      emitter.on(EE.errorMonitor, (error) => trace.push(['seen', error]));
      emitter.on('error', (error) => trace.push(error));
      emitter.emit('error', 'x');
      return trace;
    });
    const thrown = outcomeOf(() => new guest().emit('error', 42));
    expect(thrown).toMatchObject({ code: 'ERR_UNHANDLED_ERROR', message: 'Unhandled error. (42)' });
  });

  test('bad listeners and limits are refused alike', () => {
    for (const bad of [undefined, null, 5, {}]) {
      same((EE) => new EE().on('x', bad as never));
      same((EE) => new EE().once('x', bad as never));
      same((EE) => new EE().removeListener('x', bad as never));
    }
    for (const limit of [-1, Number.NaN, '5', 3]) {
      same((EE) => typeof new EE().setMaxListeners(limit as never));
    }
    same((EE) => new EE({ captureRejections: 'yes' as never }));
  });

  test('the eleventh listener warns once, with the emitter and the count', () => {
    seen.warnings.length = 0;
    const emitter = new guest();
    for (let i = 0; i < 13; i++) emitter.on('x', () => {});
    expect(seen.warnings).toHaveLength(1);
    expect(seen.warnings[0]).toMatchObject({
      name: 'MaxListenersExceededWarning',
      count: 11,
      type: 'x',
    });
    expect(String(seen.warnings[0])).toContain('11 x listeners added to [EventEmitter]');
    new guest().setMaxListeners(0).on('x', () => {});
    expect(seen.warnings).toHaveLength(1);
  });

  test('the warning has the text of Node', async () => {
    const texts: string[] = [];
    const listen = (warning: Error) => texts.push(warning.message);
    process.on('warning', listen);
    const emitter = new nodeEvents();
    for (let i = 0; i < 11; i++) emitter.on('x', () => {});
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    seen.warnings.length = 0;
    const mine = new guest();
    for (let i = 0; i < 11; i++) mine.on('x', () => {});
    expect((seen.warnings[0] as Error).message).toBe(texts[0]);
  });

  test('ES5 inheritance by call and by prototype instance', () => {
    same((EE) => {
      function Old(this: object) {
        (EE as unknown as { call(self: object): void }).call(this);
      }
      Object.setPrototypeOf(Old.prototype, EE.prototype);
      const made = new (Old as unknown as new () => InstanceType<Events>)();
      let count = 0;
      made.on('x', () => count++);
      made.emit('x');
      return [count, made instanceof EE];
    });
    same((EE) => {
      function Old() {}
      Old.prototype = new EE();
      const New = Old as unknown as new () => InstanceType<Events>;
      const [a, b] = [new New(), new New()];
      (EE as unknown as { call(self: object): void }).call(a);
      (EE as unknown as { call(self: object): void }).call(b);
      a.on('x', () => {});
      return [a.listenerCount('x'), b.listenerCount('x')];
    });
  });

  test('a rejected listener becomes an error event when rejections are captured', async () => {
    await sameAsync(async (EE) => {
      const emitter = new EE({ captureRejections: true });
      const failure = new Promise((resolve) => emitter.on('error', resolve));
      emitter.on('x', async () => {
        throw new Error('later');
      });
      emitter.emit('x');
      return String(await failure);
    });
  });

  test('statics have the names of Node, but for async resources', () => {
    const missing = Object.keys(nodeEvents).filter((key) => !(key in guest));
    expect(missing).toEqual(['EventEmitterAsyncResource']);
    expect(guest.captureRejectionSymbol).toBe(nodeEvents.captureRejectionSymbol);
  });
});

describe('events as promises', () => {
  test('once resolves with the arguments and rejects with an error', async () => {
    await sameAsync(async (EE) => {
      const emitter = new EE();
      const waiting = EE.once(emitter, 'x');
      emitter.emit('x', 1, 2);
      return [await waiting, emitter.listenerCount('error')];
    });
    await sameAsync(async (EE) => {
      const emitter = new EE();
      const waiting = EE.once(emitter, 'x');
      emitter.emit('error', new Error('before'));
      return await waiting;
    });
    await sameAsync((EE) => EE.once({} as never, 'x'));
    await sameAsync((EE) => EE.once(new EE(), 'x', { signal: 5 as never }));
  });

  test('once stops at an abort and leaves no listeners', async () => {
    const emitter = new guest();
    const controller = new AbortController();
    const waiting = guest.once(emitter, 'x', { signal: controller.signal as never });
    controller.abort(new Error('why'));
    await expect(waiting).rejects.toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: new Error('why'),
    });
    expect(emitter.listenerCount('x') + emitter.listenerCount('error')).toBe(0);
  });

  test('on iterates what came before and what comes later, until close', async () => {
    await sameAsync(async (EE) => {
      const emitter = new EE();
      const got: unknown[] = [];
      const iterator = EE.on(emitter, 'x', { close: ['end'] } as never);
      emitter.emit('x', 1);
      emitter.emit('x', 2, 3);
      setImmediate(() => {
        emitter.emit('x', 4);
        emitter.emit('end');
      });
      for await (const args of iterator) got.push(args);
      return [got, emitter.listenerCount('x'), emitter.listenerCount('end')];
    });
    await sameAsync(async (EE) => {
      const emitter = new EE();
      const iterator = EE.on(emitter, 'x');
      emitter.emit('x', 1);
      emitter.emit('error', new Error('bad'));
      const first = await iterator.next();
      return [first, await iterator.next()];
    });
  });

  test('on pauses a source that is faster than its reader', async () => {
    const calls: string[] = [];
    const emitter = Object.assign(new guest(), {
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
    });
    const iterator = guest.on(emitter, 'x', { highWaterMark: 2, lowWaterMark: 1 } as never);
    for (let i = 0; i < 4; i++) emitter.emit('x', i);
    for (let i = 0; i < 4; i++) await iterator.next();
    expect(calls).toEqual(['pause', 'resume']);
  });

  test('getEventListeners and limits work on emitters and targets', () => {
    const target = new EventTarget();
    const listener = () => {};
    target.addEventListener('x', listener);
    expect(guest.getEventListeners(target as never, 'x')).toEqual([listener]);
    expect(guest.getEventListeners(new guest(), 'x')).toEqual([]);
    guest.setMaxListeners(3, target as never);
    const { getMaxListeners } = guest as unknown as { getMaxListeners(target: object): number };
    expect(getMaxListeners(target)).toBe(3);
    expect(() => guest.getEventListeners({} as never, 'x')).toThrow(
      'must be an instance of EventEmitter or EventTarget',
    );
  });
});
