/** The guest's EventTarget, AbortController and AbortSignal against Node's. */

import { inspect as nodeInspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { inspect as guestInspect } from '../../../guest-sdk/node/inspect.ts';
import { AbortController, AbortSignal } from '../../../guest-sdk/web/abort.ts';
import { CustomEvent, Event, EventTarget } from '../../../guest-sdk/web/event-target.ts';
import { installFakes, outcomeOf, seen } from './fake-traps.ts';

installFakes();

describe('EventTarget', () => {
  test('dispatch order, once, duplicates, objects, stop', () => {
    const trace = (Target: typeof globalThis.EventTarget, Ev: typeof globalThis.Event) => {
      const seenHere: unknown[] = [];
      const target = new Target();
      const f = (event: globalThis.Event) =>
        seenHere.push([
          event.type,
          event.eventPhase,
          event.target === target,
          event.currentTarget === target,
          event.composedPath().length,
        ]);
      target.addEventListener('x', f);
      target.addEventListener('x', f);
      // Only the first listener looks at the phase: Node forgets it after that.
      target.addEventListener('x', () => seenHere.push('capture'), true);
      target.addEventListener('x', { handleEvent: () => seenHere.push('object') });
      target.addEventListener('x', () => seenHere.push('once'), { once: true });
      target.addEventListener('x', (event) => event.preventDefault());
      const first = new Ev('x', { cancelable: true, bubbles: true });
      seenHere.push(
        target.dispatchEvent(first),
        first.defaultPrevented,
        first.eventPhase,
        first.currentTarget,
      );
      seenHere.push(target.dispatchEvent(new Ev('x')));
      target.removeEventListener('x', f);
      target.addEventListener('y', (event) => event.stopImmediatePropagation());
      target.addEventListener('y', () => seenHere.push('never'));
      target.dispatchEvent(new Ev('y'));
      return seenHere;
    };
    expect(trace(EventTarget as never, Event as never)).toEqual(
      trace(globalThis.EventTarget, globalThis.Event),
    );
  });

  test('wrong arguments are refused with the errors of Node', () => {
    const act = (Target: typeof globalThis.EventTarget, Ev: typeof globalThis.Event) => [
      outcomeOf(() => new (Ev as never as new () => unknown)()),
      outcomeOf(() => new Ev('x', 5 as never)),
      outcomeOf(() => new Target().dispatchEvent(5 as never)),
      outcomeOf(() => new Target().addEventListener('x', 5 as never)),
      outcomeOf(() =>
        (new Target() as never as { addEventListener(a: string): void }).addEventListener('x'),
      ),
      outcomeOf(() => Target.prototype.dispatchEvent.call({} as never, new Ev('x'))),
    ];
    expect(act(EventTarget as never, Event as never)).toEqual(
      act(globalThis.EventTarget, globalThis.Event),
    );
  });

  test('a throwing listener is reported and does not stop the next', () => {
    seen.late.length = 0;
    const target = new EventTarget();
    let reached = false;
    target.addEventListener('x', () => {
      throw new Error('boom');
    });
    target.addEventListener('x', () => {
      reached = true;
    });
    target.dispatchEvent(new Event('x'));
    expect([reached, String(seen.late[0])]).toEqual([true, 'Error: boom']);
  });

  test('a custom event carries its detail, and a signal removes a listener', () => {
    const target = new EventTarget();
    const controller = new AbortController();
    const details: unknown[] = [];
    target.addEventListener('x', (event) => details.push((event as CustomEvent).detail), {
      signal: controller.signal,
    });
    target.dispatchEvent(new CustomEvent('x', { detail: 7 }));
    controller.abort();
    target.dispatchEvent(new CustomEvent('x', { detail: 8 }));
    expect(details).toEqual([7]);
  });
});

describe('inspection', () => {
  test('web classes look as in Node', () => {
    const act = (
      scope: Pick<typeof globalThis, 'AbortController' | 'AbortSignal' | 'EventTarget'>,
      inspect: (value: unknown, options?: object) => string,
    ) => {
      const values = [
        new scope.AbortController(),
        scope.AbortSignal.abort(),
        new scope.EventTarget(),
        { signal: new scope.AbortController().signal },
      ];
      return values.flatMap((value) => [
        inspect(value),
        inspect({ a: { b: value } }),
        inspect({ a: { b: { c: value } } }),
        inspect(value, { depth: null }),
      ]);
    };
    expect(act({ AbortController, AbortSignal, EventTarget } as never, guestInspect)).toEqual(
      act(globalThis, nodeInspect),
    );
    const shown = (Class: typeof globalThis.Event, inspect: (value: unknown) => string) =>
      inspect(new Class('x')).replace(/timeStamp: [\d.]+/, '');
    expect(shown(Event as never, guestInspect)).toBe(shown(globalThis.Event, nodeInspect));
  });
});

describe('abort', () => {
  test('a controller aborts once, with its reason', () => {
    const controller = new AbortController();
    const events: unknown[] = [];
    controller.signal.onabort = (event) => events.push(['handler', event.isTrusted]);
    controller.signal.addEventListener('abort', () => events.push('listener'));
    controller.abort('first');
    controller.abort('second');
    expect([controller.signal.aborted, controller.signal.reason]).toEqual([true, 'first']);
    expect(events).toEqual([['handler', true], 'listener']);
    expect(() => controller.signal.throwIfAborted()).toThrow('first');
  });

  test('default reasons are the DOMExceptions of Node', async () => {
    const [mine, nodes] = [
      AbortSignal.abort().reason as Error,
      globalThis.AbortSignal.abort().reason as Error,
    ];
    expect([mine.name, mine.message, (mine as never as { code: number }).code]).toEqual([
      nodes.name,
      nodes.message,
      (nodes as never as { code: number }).code,
    ]);
    const timeout = AbortSignal.timeout(1);
    await new Promise((resolve) => timeout.addEventListener('abort', resolve));
    expect(timeout.reason).toMatchObject({
      name: 'TimeoutError',
      code: 23,
      message: 'The operation was aborted due to timeout',
    });
    expect(outcomeOf(() => AbortSignal.timeout(-1))).toEqual(
      outcomeOf(() => globalThis.AbortSignal.timeout(-1)),
    );
    expect(outcomeOf(() => new AbortSignal())).toEqual(
      outcomeOf(() => new (globalThis.AbortSignal as never as new () => unknown)()),
    );
  });

  test('any follows all of its sources, also through another any', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const inner = AbortSignal.any([a.signal]);
    const outer = AbortSignal.any([inner, b.signal]);
    const order: string[] = [];
    a.signal.addEventListener('abort', () => order.push(`a ${outer.aborted}`));
    outer.addEventListener('abort', () => order.push('outer'));
    inner.addEventListener('abort', () => order.push('inner'));
    a.abort('why');
    b.abort('too late');
    expect(order).toEqual(['a true', 'inner', 'outer']);
    expect(outer.reason).toBe('why');
    expect(AbortSignal.any([a.signal]).reason).toBe('why');
    expect(AbortSignal.any([]).aborted).toBe(false);
    expect(() => AbortSignal.any([5 as never])).toThrow('must be an instance of AbortSignal');
  });
});
