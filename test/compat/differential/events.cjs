const EventEmitter = require('node:events');
const { cases, failure, thrown } = require('./cases.cjs');

cases({
  'order of listeners': () => {
    const e = new EventEmitter();
    e.on('x', () => console.log('first'))
      .prependListener('x', () => console.log('before'))
      .once('x', () => console.log('once'));
    console.log(e.emit('x'), e.emit('x'), e.emit('y'), e.listenerCount('x'), e.eventNames());
  },
  'a listener removed while emitting still runs': () => {
    const e = new EventEmitter();
    const second = () => console.log('second');
    e.on('x', () => e.off('x', second)).on('x', second);
    e.emit('x');
    e.emit('x');
  },
  'newListener and removeListener': () => {
    const e = new EventEmitter();
    e.on('newListener', (name, listener) =>
      console.log('new', name, typeof listener, e.listenerCount(name)),
    );
    e.on('removeListener', (name) => console.log('removed', name));
    const f = () => {};
    e.once('a', f);
    e.removeListener('a', f);
    e.on('b', f).removeAllListeners('b').removeAllListeners();
    console.log(e.eventNames());
  },
  'an error without listeners': () => {
    const e = new EventEmitter();
    console.log(
      thrown(() => e.emit('error', new TypeError('mine'))),
      thrown(() => e.emit('error', { a: 1 })),
      thrown(() => e.emit('error')),
    );
  },
  errorMonitor: () => {
    const e = new EventEmitter();
    e.on(EventEmitter.errorMonitor, (error) => console.log('seen', error.message));
    console.log(thrown(() => e.emit('error', new Error('x'))));
  },
  'listeners and rawListeners': () => {
    const e = new EventEmitter();
    const f = () => console.log('f');
    e.once('a', f);
    console.log(
      e.listeners('a')[0] === f,
      e.rawListeners('a')[0] === f,
      e.rawListeners('a')[0].listener === f,
    );
    e.rawListeners('a')[0]();
    console.log(e.listenerCount('a'));
  },
  'wrong arguments': () => {
    const e = new EventEmitter();
    console.log(
      thrown(() => e.on('x', 'y')),
      thrown(() => e.setMaxListeners(-1)),
      thrown(() => new EventEmitter({ captureRejections: 'a' })),
    );
  },
  'symbols and numbers as names': () => {
    const e = new EventEmitter();
    const s = Symbol('s');
    e.on(s, () => {}).on(5, () => {});
    console.log(e.eventNames(), e.emit('5'));
  },
  'once of the module': async () => {
    const e = new EventEmitter();
    setTimeout(() => e.emit('x', 1, 2), 1);
    console.log(await EventEmitter.once(e, 'x'));
    setTimeout(() => e.emit('error', new Error('failed')), 1);
    console.log(await failure(() => EventEmitter.once(e, 'x')));
    console.log(
      await failure(() => EventEmitter.once(e, 'x', { signal: AbortSignal.abort() })),
      e.listenerCount('error'),
    );
  },
  'on of the module': async () => {
    const e = new EventEmitter();
    setTimeout(() => [1, 2, 3].forEach((n) => e.emit('n', n)), 1);
    for await (const [n] of EventEmitter.on(e, 'n')) {
      console.log(n);
      if (n === 3) break;
    }
    console.log(e.listenerCount('n'));
  },
  'on with an error': async () => {
    const e = new EventEmitter();
    setTimeout(() => e.emit('error', new Error('stop')), 1);
    console.log(
      await failure(async () => {
        for await (const _ of EventEmitter.on(e, 'n'));
      }),
    );
  },
  'captured rejections': async () => {
    const e = new EventEmitter({ captureRejections: true });
    e.on('x', async () => {
      throw new Error('later');
    });
    const done = new Promise((resolve) => e.on('error', resolve));
    e.emit('x');
    console.log((await done).message);
  },
  'captured rejections by a method': async () => {
    const e = new EventEmitter({ captureRejections: true });
    const done = new Promise((resolve) => {
      e[Symbol.for('nodejs.rejection')] = (...args) => resolve(args);
    });
    e.on('x', async () => {
      throw new Error('own');
    });
    e.emit('x', 7);
    console.log((await done).map(String));
  },
  'too many listeners': async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const e = new EventEmitter();
    e.setMaxListeners(1);
    e.on('x', () => {}).on('x', () => {});
    const { name, count, type, message } = await warned;
    console.log(name, count, type, message);
  },
  'max listeners': () => {
    const e = new EventEmitter();
    console.log(
      e.getMaxListeners(),
      EventEmitter.defaultMaxListeners,
      EventEmitter.getMaxListeners(e),
      e.setMaxListeners(3).getMaxListeners(),
    );
  },
  'the old way to inherit': () => {
    function Old() {
      EventEmitter.call(this);
    }
    require('node:util').inherits(Old, EventEmitter);
    const e = new Old();
    e.on('x', function (a) {
      console.log(this === e, a);
    });
    console.log(e.emit('x', 1), e instanceof EventEmitter, Old.super_ === EventEmitter);
  },
  EventTarget: () => {
    const t = new EventTarget();
    const handler = {
      handleEvent(event) {
        console.log('object', event.type, this === handler);
      },
    };
    t.addEventListener('a', handler);
    t.addEventListener(
      'a',
      (event) => {
        event.stopImmediatePropagation();
        event.preventDefault();
      },
      { once: true },
    );
    t.addEventListener('a', () => console.log('last'));
    console.log(
      t.dispatchEvent(new Event('a', { cancelable: true })),
      t.dispatchEvent(new Event('a')),
    );
  },
  'Event and its fields': () => {
    const e = new Event('x', { bubbles: true, composed: true });
    console.log(
      e.type,
      e.bubbles,
      e.cancelable,
      e.composed,
      e.defaultPrevented,
      e.eventPhase,
      e.target,
      e.isTrusted,
    );
    console.log(
      new CustomEvent('c', { detail: { a: 1 } }).detail,
      thrown(() => new Event()),
    );
  },
  AbortSignal: async () => {
    const c = new AbortController();
    c.signal.addEventListener('abort', (event) => console.log(event.type, c.signal.reason.name));
    c.abort();
    c.abort('again');
    console.log(
      c.signal.aborted,
      thrown(() => c.signal.throwIfAborted()),
    );
    console.log(
      AbortSignal.abort('why').reason,
      await failure(() => require('node:timers/promises').setTimeout(1, 0, { signal: c.signal })),
    );
    const any = AbortSignal.any([new AbortController().signal, c.signal]);
    console.log(any.aborted, any.reason === c.signal.reason);
  },
  'AbortSignal.timeout': async () => {
    const signal = AbortSignal.timeout(2);
    await new Promise((resolve) => {
      signal.onabort = resolve;
      setTimeout(() => {}, 50);
    });
    console.log(signal.reason.name, signal.reason.code, signal.reason.message);
  },
});
