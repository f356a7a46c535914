/** Values as bytes, code in contexts and errors in domains. */

const show = (...a) => console.log(...a);
const tryIt = (f) => {
  try {
    show(f());
  } catch (e) {
    show(e.name, e.code, e.message);
  }
};
// v8
const v8 = require('node:v8');
const zoo = [
  1,
  -1,
  2 ** 31,
  1.5,
  -0,
  'héllo',
  '€x',
  true,
  null,
  undefined,
  10n,
  -(2n ** 70n),
  [1, undefined, 3],
  [1, 2, { a: 1 }],
  { 5: 'x', b: [], é: { c: new Date(7) } },
  new Map([[1, { a: 2 }]]),
  new Set(['q']),
  /x+/gi,
  Object(1),
  Object('s'),
  Object(true),
  Object(5n),
  Buffer.from('buf'),
  new Uint16Array([1, 2]),
  new Float64Array([1.5]),
];
for (const v of zoo) {
  const b = v8.serialize(v);
  show(b.toString('hex'), v8.deserialize(b));
}
const cyc = { n: 1 };
cyc.self = cyc;
cyc.list = [cyc];
show(v8.serialize(cyc).toString('hex'), v8.deserialize(v8.serialize(cyc)));
const err = v8.deserialize(v8.serialize(new TypeError('boo')));
show(err instanceof TypeError, err.message, err.name);
tryIt(() => v8.serialize({ a: Symbol('q') }));
tryIt(() => v8.deserialize('x'));
tryIt(() => v8.deserialize(Buffer.alloc(0)));
tryIt(() => v8.deserialize(Buffer.from('ff0f6f', 'hex')));
tryIt(() => new v8.Deserializer(5));
tryIt(() => v8.serialize(new WeakMap()));
{
  const s = new v8.Serializer();
  s.writeHeader();
  s.writeUint32(300);
  s.writeUint64(1, 2);
  s.writeDouble(0.5);
  s.writeRawBytes(Buffer.from('ab'));
  s.writeValue({ x: 1 });
  const b = s.releaseBuffer();
  show(b.toString('hex'));
  const d = new v8.Deserializer(b);
  show(
    d.readHeader(),
    d.getWireFormatVersion(),
    d.readUint32(),
    d.readUint64(),
    d.readDouble(),
    d.readRawBytes(2).toString(),
    d.readValue(),
  );
  tryIt(() => d.readUint32());
  tryIt(() => d.readRawBytes(5));
  tryIt(() => d.readDouble());
}
show(
  v8.deserialize(v8.serialize(new Uint8Array([1, 2, 3]).subarray(1))),
  Object.keys(v8.getHeapStatistics()).join(),
);
{
  const s = new v8.Serializer();
  s.writeHeader();
  s.writeValue([new Uint8Array([1, 2]), 1]);
  const b = s.releaseBuffer();
  show(b.toString('hex'));
  const d = new v8.Deserializer(b);
  d.readHeader();
  show(d.readValue());
}
// vm
const vm = require('node:vm');
show(vm.runInThisContext('1 + 1'), vm.runInNewContext('a + b', { a: 1, b: 2 }));
const ctx = vm.createContext({ count: 2, out: [] });
vm.runInContext(
  'var x = count * 10; count += 1; function f(n) { return n + count; } out.push(f(1)); y = 5; let z = 3; out.push(typeof process, z)',
  ctx,
);
show(
  ctx,
  vm.isContext(ctx),
  vm.isContext({}),
  typeof ctx.f,
  ctx.f(10),
  vm.runInContext('x + y + f(0)', ctx),
);
tryIt(() => {
  try {
    vm.runInNewContext('nope');
  } catch (e) {
    return e.name;
  }
});
tryIt(() => vm.runInContext('1', {}));
tryIt(() => {
  try {
    new vm.Script('a b');
  } catch (e) {
    return e.name;
  }
});
tryIt(() => vm.runInNewContext('this.q = 1; q + globalThis.q'));
show(
  vm.compileFunction('return a + b + this.c', ['a', 'b']).call({ c: 3 }, 1, 2),
  new vm.Script('typeof require').runInThisContext(),
);
tryIt(() => vm.compileFunction(5));
tryIt(() => vm.isContext(5));
tryIt(() => new vm.Script('1', 5));
show(
  vm.runInNewContext('(() => { "use strict"; return this === undefined })()'),
  vm.runInNewContext('Array.isArray([1].map(x => x))'),
  vm.runInNewContext('"use strict"; var q = 1; q'),
);
// domain
const domain = require('node:domain');
const EventEmitter = require('node:events');
const d = domain.create();
d.on('error', (e) => show('domain', e.message, e.domainThrown, e.domain === d));
d.run(() => {
  setTimeout(() => {
    throw new Error('timer');
  }, 1);
  process.nextTick(() => {
    throw new Error('tick');
  });
  const ee = new EventEmitter();
  setTimeout(() => ee.emit('error', new Error('emitted')), 2);
  show(process.domain === d);
});
show(process.domain, domain.active === process.domain);
setTimeout(() => {
  d.intercept((v) => show('got', v))(null, 5);
  d.intercept(() => show('no'))(new Error('icpt'));
  show(d.bind((a) => process.domain === d && a)(7));
  const e2 = new EventEmitter();
  d.add(e2);
  show(d.members.length);
  e2.emit('error', new Error('added'));
  d.remove(e2);
  show(d.members.length);
}, 5);
