const assert = require('node:assert');
const { cases, failure, thrown } = require('./cases.cjs');

const first = (act) => thrown(act).split('\n')[0];

cases({
  'ok and its messages': () => {
    console.log(
      thrown(() => assert(1)),
      first(() => assert.ok(0, 'zero')),
    );
    console.log(first(() => assert.ok(null, new TypeError('mine'))));
  },
  'equal converts and strictEqual does not': () => {
    console.log(
      thrown(() => assert.equal(1, '1')),
      thrown(() => assert.equal(null, undefined)),
    );
    console.log(
      first(() => assert.strictEqual(1, '1')),
      first(() => assert.strictEqual(0, -0)),
    );
    console.log(thrown(() => assert.strictEqual(Number.NaN, Number.NaN)));
  },
  'a short difference': () => console.log(thrown(() => assert.strictEqual(1, 2))),
  'a difference of texts': () => console.log(thrown(() => assert.strictEqual('a', 'b'))),
  'not equal': () => {
    console.log(
      first(() => assert.notStrictEqual(1, 1)),
      first(() => assert.notEqual(1, '1')),
    );
  },
  'deepEqual of objects without order': () => {
    console.log(thrown(() => assert.deepStrictEqual({ a: 1, b: [2] }, { b: [2], a: 1 })));
    console.log(first(() => assert.deepStrictEqual({ a: 1 }, { a: '1' })));
    console.log(thrown(() => assert.deepEqual({ a: 1 }, { a: '1' })));
  },
  'deepStrictEqual of sets and maps': () => {
    console.log(
      thrown(() => assert.deepStrictEqual(new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1]))),
    );
    console.log(first(() => assert.deepStrictEqual(new Map([[1, 2]]), new Map([[1, 3]]))));
  },
  'deepStrictEqual of prototypes': () => {
    class A {}
    console.log(first(() => assert.deepStrictEqual(new A(), {})));
    console.log(first(() => assert.deepStrictEqual([], Object.create(Array.prototype))));
  },
  'deepStrictEqual of dates, expressions, errors': () => {
    console.log(thrown(() => assert.deepStrictEqual(new Date(5), new Date(5))));
    console.log(first(() => assert.deepStrictEqual(/a/g, /a/i)));
    console.log(first(() => assert.deepStrictEqual(new Error('a'), new Error('b'))));
  },
  'deepStrictEqual of typed arrays': () => {
    console.log(thrown(() => assert.deepStrictEqual(new Uint8Array([1]), new Uint8Array([1]))));
    console.log(first(() => assert.deepStrictEqual(new Uint8Array([1]), Buffer.from([1]))));
  },
  'circular values': () => {
    const a = {};
    a.self = a;
    const b = {};
    b.self = b;
    console.log(thrown(() => assert.deepStrictEqual(a, b)));
  },
  notDeepEqual: () => {
    console.log(thrown(() => assert.notDeepStrictEqual({ a: 1 }, { a: '1' })));
    console.log(first(() => assert.notDeepEqual({ a: 1 }, { a: '1' })));
  },
  'throws by class, expression, object, function': () => {
    const boom = () => {
      throw Object.assign(new TypeError('bad thing'), { code: 'E_X' });
    };
    console.log(
      thrown(() => assert.throws(boom, TypeError)),
      thrown(() => assert.throws(boom, /thing/)),
    );
    console.log(thrown(() => assert.throws(boom, { message: 'bad thing', code: 'E_X' })));
    console.log(first(() => assert.throws(boom, { code: 'E_Y' })));
    console.log(thrown(() => assert.throws(boom, (error) => error.code === 'E_X')));
    console.log(first(() => assert.throws(boom, () => false)));
    console.log(first(() => assert.throws(() => {}, TypeError)));
    console.log(first(() => assert.throws(() => {}, 'message')));
  },
  'a throw of another class goes on': () => {
    console.log(
      thrown(() =>
        assert.throws(() => {
          throw new RangeError('r');
        }, TypeError),
      ),
    );
  },
  doesNotThrow: () => {
    console.log(thrown(() => assert.doesNotThrow(() => 1)));
    console.log(
      first(() =>
        assert.doesNotThrow(() => {
          throw new Error('x');
        }, 'why'),
      ),
    );
  },
  'rejects and doesNotReject': async () => {
    console.log(await failure(() => assert.rejects(Promise.reject(new TypeError('t')), TypeError)));
    console.log((await failure(() => assert.rejects(async () => 5))).split('\n')[0]);
    console.log(await failure(() => assert.rejects(5)));
    console.log(
      (await failure(() => assert.doesNotReject(Promise.reject(new Error('no'))))).split('\n')[0],
    );
  },
  match: () => {
    console.log(
      thrown(() => assert.match('abc', /b/)),
      first(() => assert.match('abc', /x/)),
    );
    console.log(
      first(() => assert.match(5, /x/)),
      first(() => assert.doesNotMatch('abc', /b/)),
    );
  },
  'fail and ifError': () => {
    console.log(
      thrown(() => assert.fail()),
      thrown(() => assert.fail('so')),
    );
    console.log(
      thrown(() => assert.ifError(null)),
      first(() => assert.ifError(new Error('inner'))),
    );
    console.log(first(() => assert.ifError('text')));
  },
  "an AssertionError of one's own": () => {
    const error = new assert.AssertionError({ actual: 1, expected: 2, operator: 'strictEqual' });
    console.log(
      error.name,
      error.code,
      error.actual,
      error.expected,
      error.operator,
      error.generatedMessage,
    );
    console.log(error.message);
    console.log(thrown(() => new assert.AssertionError('text')));
  },
  'strict mode': () => {
    console.log(
      first(() => assert.strict.equal(1, '1')),
      assert.strict.strict === assert.strict,
    );
  },
  'missing arguments': () => {
    console.log(
      thrown(() => assert.equal()),
      thrown(() => assert.throws()),
    );
  },
  'difference of objects in lines': () => {
    console.log(
      thrown(() =>
        assert.deepStrictEqual({ a: 1, b: { c: [1, 2, 3] } }, { a: 1, b: { c: [1, 2, 4] } }),
      ),
    );
  },
});
