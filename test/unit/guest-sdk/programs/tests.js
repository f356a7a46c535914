// Tests inside a script: results, order, hooks, mocks, marks, and the exit status.
const { test, describe, it, before, after, beforeEach, afterEach, mock } = require('node:test');
const assert = require('node:assert');
const events = [];

test('at once', () => {});
test('later', async () => {
  await new Promise((resolve) => setTimeout(resolve, 2));
});
test('by callback', (_t, done) => setImmediate(done));
test('wrong', () => assert.strictEqual(1, 2));
test('throws', () => {
  throw new RangeError('two\nlines');
});
test('left out', { skip: true }, () => events.push('never'));
test('left out, with # a reason', { skip: 'why # not' });
test('to do', { todo: true }, () => {
  throw new Error('not yet');
});
test('leaves itself out', (t) => t.skip('because'));
test('with inner ones', async (t) => {
  t.diagnostic('said');
  t.beforeEach(() => events.push('before inner'));
  await t.test('first', () => events.push('first'));
  await t.test('second', () => {
    throw new TypeError('inner');
  });
});
test('does not wait', (t) => {
  t.test('abandoned', () => new Promise((resolve) => setTimeout(resolve, 30)));
});
describe('suite', () => {
  before(() => events.push('before'));
  beforeEach(() => events.push('before each'));
  afterEach(() => events.push('after each'));
  after(() => events.push('after'));
  it('one', () => events.push('one'));
  it.skip('two', () => {});
  describe('inside', () => {
    it('three', () => events.push('three'));
  });
});
test('plan', (t) => {
  t.plan(2);
  t.assert.ok(true);
});
test('callback with an error', (_t, done) => done(new Error('from the callback')));
test('too slow', { timeout: 5 }, () => new Promise((resolve) => setTimeout(resolve, 40)));
test('mocks', (t) => {
  const sum = mock.fn((a, b) => a + b);
  assert.strictEqual(sum(1, 2), 3);
  assert.deepStrictEqual(sum.mock.calls[0].arguments, [1, 2]);
  const object = {
    n: 1,
    get() {
      return this.n;
    },
  };
  t.mock.method(object, 'get', () => 7);
  assert.strictEqual(object.get(), 7);
  assert.strictEqual(object.get.mock.callCount(), 1);
  object.get.mock.restore();
  assert.strictEqual(object.get(), 1);
  const once = mock.fn(() => 'usual');
  once.mock.mockImplementationOnce(() => 'first');
  assert.deepStrictEqual([once(), once()], ['first', 'usual']);
  assert.throws(() => mock.method(object, 'none'), { code: 'ERR_INVALID_ARG_VALUE' });
});
test('in order', () =>
  assert.deepStrictEqual(events, [
    'before inner',
    'first',
    'before inner',
    'before',
    'before each',
    'one',
    'after each',
    'before each',
    'three',
    'after each',
    'after',
  ]));
