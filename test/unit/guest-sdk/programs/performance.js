/** Marks, measures, observers and histograms. */

const {
  performance,
  PerformanceObserver,
  createHistogram,
  monitorEventLoopDelay,
  PerformanceMark,
  PerformanceEntry,
  constants,
} = require('node:perf_hooks');

const show = (...a) => console.log(...a);
const tryIt = (f) => {
  try {
    show(f());
  } catch (e) {
    show(e.name, e.code, e.message);
  }
};
show(
  performance.mark('a', { detail: { x: 1 }, startTime: 5 }),
  performance.measure('n', { start: 1, end: 5, detail: 2 }),
);
show(
  performance.mark('b', { startTime: 9 }).toJSON(),
  performance.measure('ab', 'a', 'b'),
  performance.measure('d', { start: 'a', duration: 3 }),
);
tryIt(() => performance.measure('q', 'zz'));
tryIt(() => performance.measure('q', { start: 1, end: 2, duration: 3 }));
tryIt(() => performance.mark());
tryIt(() => performance.mark('x', { startTime: -1 }));
tryIt(() => new PerformanceMark());
tryIt(() => new PerformanceObserver());
tryIt(() => new PerformanceObserver(() => {}).observe());
tryIt(() => new PerformanceObserver(() => {}).observe({}));
tryIt(() => new PerformanceObserver(() => {}).observe({ type: 'mark', entryTypes: ['mark'] }));
tryIt(() => new PerformanceObserver(() => {}).observe(5));
show(PerformanceObserver.supportedEntryTypes, constants);
show(
  performance.getEntries().map((e) => e.name),
  performance.getEntriesByName('a').length,
  performance.getEntriesByType('measure').length,
);
performance.clearMarks('a');
performance.clearMeasures();
show(performance.getEntries().map((e) => e.name));
const h = createHistogram();
show(h.count, h.max, h.mean, h.exceeds, h.min);
for (const v of [5, 100, 1e6, 3, 3, 77777, 4096, 2048, 2047]) h.record(v);
h.record(9n);
show(h.count, h.min, h.max, h.mean, h.stddev.toFixed(6), h.exceeds, h.minBigInt, h.maxBigInt);
show(
  h.percentile(50),
  h.percentile(99),
  h.percentile(1),
  h.percentileBigInt(100),
  [...h.percentiles],
  [...h.percentilesBigInt].length,
);
show(Object.keys(h.toJSON()), h.constructor.name);
const other = createHistogram();
other.record(50);
other.add(h);
show(other.count);
h.reset();
show(h.count, h.max);
tryIt(() => h.record(0));
tryIt(() => h.record('x'));
tryIt(() => h.percentile(0));
tryIt(() => h.percentile('x'));
tryIt(() => h.add({}));
tryIt(() => createHistogram({ figures: 9 }));
tryIt(() => createHistogram({ lowest: 'x' }));
tryIt(() => createHistogram(5));
const small = createHistogram({ lowest: 1, highest: 10 });
small.record(5);
show(small.count, small.exceeds);
function foo(a, b) {
  return a + b + (this?.c ?? 0);
}
const timed = performance.timerify(foo);
show(timed(1, 2), timed.name, timed.length, new (performance.timerify(class K {}))());
tryIt(() => performance.timerify(5));
show(
  performance instanceof EventTarget,
  performance instanceof Performance,
  Object.prototype.toString.call(performance),
);
show(
  Object.keys(performance.toJSON()),
  typeof performance.eventLoopUtilization().utilization,
  performance.nodeTiming.name,
);
const delay = monitorEventLoopDelay({ resolution: 5 });
show(
  delay.enable(),
  delay.enable(),
  delay.disable(),
  delay.disable(),
  new PerformanceMark('q', { startTime: 1 }) instanceof PerformanceEntry,
);
const observer = new PerformanceObserver((list, own) => {
  show(
    'told',
    list.getEntries().map((e) => e.name),
    list.getEntriesByName('k').length,
    own === observer,
    list.constructor.name,
  );
  observer.disconnect();
});
observer.observe({ entryTypes: ['mark', 'measure'] });
performance.mark('k');
show(observer.takeRecords().length);
performance.mark('k2');
performance.measure('m');
const buffered = new PerformanceObserver((list) => {
  show(
    'buffered',
    list
      .getEntriesByType('mark')
      .map((e) => e.name)
      .sort(),
  );
  buffered.disconnect();
});
buffered.observe({ type: 'mark', buffered: true });
const calls = new PerformanceObserver((list) => {
  show(
    'calls',
    list.getEntries().map((e) => [e.name, e.entryType]),
  );
  calls.disconnect();
});
calls.observe({ entryTypes: ['function'] });
timed(3, 4);

{
  const { PerformanceResourceTiming } = require('node:perf_hooks');
  const timing = { startTime: 1, endTime: 9, postRedirectStartTime: 2, encodedBodySize: 10 };
  timing.finalConnectionTimingInfo = { connectionStartTime: 3, ALPNNegotiatedProtocol: 'h1' };
  const entry = performance.markResourceTiming(timing, 'http://x/y', 'fetch', global, '');
  // Node 24 has `deliveryType` beside these.
  const { deliveryType: _newer, ...fields } = entry.toJSON();
  console.log(
    JSON.stringify(fields),
    entry.connectStart,
    entry.transferSize,
    entry.nextHopProtocol,
  );
  console.log(entry instanceof PerformanceResourceTiming, String(entry));
  performance.setResourceTimingBufferSize(1);
  performance.markResourceTiming(timing, 'http://x/z', 'fetch', global, 'local');
  console.log(performance.getEntriesByType('resource').map(({ name }) => name));
  performance.clearResourceTimings();
  console.log(performance.getEntriesByType('resource').length);
  for (const act of [
    () => new PerformanceResourceTiming(),
    () => performance.markResourceTiming({}, 'x', 'fetch', global, 'other'),
  ]) {
    try {
      act();
    } catch ({ code }) {
      console.log(code);
    }
  }
}

{
  const { nodeTiming } = performance;
  const { nodeStart, v8Start, environment, bootstrapComplete, loopStart, loopExit } = nodeTiming;
  const before = [nodeStart, v8Start, environment, bootstrapComplete];
  console.log(
    before.every((at, i) => i === 0 || at > before[i - 1]),
    loopStart,
    loopExit,
  );
  setTimeout(
    () => console.log(nodeTiming.loopStart >= bootstrapComplete, nodeTiming.loopExit),
    100,
  );
  process.on('exit', () => console.log(nodeTiming.loopExit > 0));
  const span = performance.measure('span', 'nodeStart', 'bootstrapComplete');
  console.log(span.startTime === nodeStart, span.duration === bootstrapComplete - nodeStart);
  for (const type of [PerformanceMark, PerformanceMeasure]) {
    console.log(Object.getOwnPropertyDescriptor(type.prototype, Symbol.toStringTag));
  }
  for (const act of [
    () => performance.mark(Symbol('a')),
    () => performance.clearMarks(Symbol('a')),
    () => performance.mark('a', { startTime: 'a' }),
    () => performance.timerify(() => {}, { histogram: {} }),
  ]) {
    try {
      act();
    } catch ({ name, code, message }) {
      console.log(name, code, message);
    }
  }
}
