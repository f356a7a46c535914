import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Chance } from '../../../hypervisor/cli/demo/chance.ts';
import { type Answer, type Call, History, type Operation } from '../../support/history.ts';
import { ABSENT, KvStates, type State } from '../../support/kv-states.ts';
import { checkHistory, checkKey } from '../../support/linearizability.ts';

const get: Call = { type: 'get' };
const set = (value: string): Call => ({ type: 'set', value });
const append = (value: string): Call => ({ type: 'append', value });
const increment: Call = { type: 'increment' };

/** `begin`, `end` and what was said between them; without an end it was cut off. */
function op(begin: number, end: number, call: Call, answer?: Answer): Operation {
  return { client: begin, key: 'k', call, begin, end, answer };
}

function verdict(...operations: Operation[]): string {
  return checkKey('k', operations).type;
}

const CUT = Infinity;

describe('is linearizable', () => {
  test.each<[string, Operation[]]>([
    ['nothing', []],
    ['a read of a key that is not there', [op(1, 2, get)]],
    ['a write, then a read of it', [op(1, 2, set('a'), 'OK'), op(3, 4, get, 'a')]],
    [
      'a read of the old value while a write is under way',
      [op(1, 2, set('a')), op(3, 8, set('b')), op(4, 5, get, 'a'), op(6, 7, get, 'b')],
    ],
    [
      'two writes at once, read in the order that began last',
      [op(1, 4, set('a')), op(2, 3, set('b')), op(5, 6, get, 'a')],
    ],
    [
      'appends at once whose lengths tell their order',
      [op(1, 4, append('xx'), 3), op(2, 3, append('y'), 1), op(5, 6, get, 'yxx')],
    ],
    [
      'a write that was cut off, and seen',
      [op(1, 2, set('a')), op(3, CUT, set('b')), op(4, 5, get, 'b')],
    ],
    [
      'a write that was cut off, and never seen',
      [op(1, 2, set('a')), op(3, CUT, set('b')), op(4, 5, get, 'a'), op(6, 7, get, 'a')],
    ],
    [
      'a write that was cut off and is seen late',
      [op(1, 2, set('a')), op(3, CUT, set('b')), op(4, 5, get, 'a'), op(6, 7, get, 'b')],
    ],
    [
      'an increment that was cut off and counts',
      [op(1, 2, increment, 1), op(3, CUT, increment), op(4, 5, increment, 3)],
    ],
    ['an increment of a number that was set', [op(1, 2, set('41')), op(3, 4, increment, 42)]],
  ])('%s', (_name, operations) => {
    expect(verdict(...operations)).toBe('linearizable');
  });
});

describe('is not linearizable', () => {
  test.each<[string, Operation[]]>([
    ['a value that nobody wrote', [op(1, 2, get, 'a')]],
    [
      'a stale read: the old value after a newer one was acknowledged',
      [op(1, 2, set('a')), op(3, 4, set('b')), op(5, 6, get, 'a')],
    ],
    [
      'a read that goes back while one write is under way',
      [op(1, 2, set('a')), op(3, 8, set('b')), op(4, 5, get, 'b'), op(6, 7, get, 'a')],
    ],
    [
      'a lost write: acknowledged, then never there',
      [op(1, 2, set('a'), 'OK'), op(3, 4, get, undefined)],
    ],
    ['a lost increment', [op(1, 2, increment, 1), op(3, 4, increment, 1)]],
    ['a doubled increment', [op(1, 2, increment, 1), op(3, 4, increment, 3)]],
    ['an append whose length tells of one too many', [op(1, 2, append('a'), 2)]],
    ['a doubled append', [op(1, 2, append('a'), 1), op(3, 4, get, 'aa')]],
    [
      'an append that was cut off and is there twice',
      [op(1, CUT, append('a')), op(2, 3, get, 'aa')],
    ],
    [
      'a write that was cut off, seen, and gone again',
      [op(1, 2, set('a')), op(3, CUT, set('b')), op(4, 5, get, 'b'), op(6, 7, get, 'a')],
    ],
    ['a read before the write that was cut off began', [op(1, 2, get, 'a'), op(3, CUT, set('a'))]],
  ])('%s', (_name, operations) => {
    expect(verdict(...operations)).toBe('violation');
  });

  test('and the text says which operations nothing explains', () => {
    const found = checkKey('k', [op(1, 2, set('a')), op(3, 4, set('b')), op(5, 6, get, 'a')]);
    expect(found).toMatchObject({
      key: 'k',
      text: expect.stringContaining('client 5 get k heard a'),
    });
    expect(found).toMatchObject({ text: expect.stringContaining('leaves the key "b"') });
  });
});

describe('a search that takes too long', () => {
  test('says that it is undecided rather than yes', () => {
    const some = [op(1, 2, set('a')), op(3, 4, set('b')), op(5, 6, set('c')), op(7, 8, get, 'c')];
    expect(checkKey('k', some, { stepsMax: 2 })).toEqual({ type: 'undecided', key: 'k', steps: 3 });
    expect(checkKey('k', some, { stepsMax: 4 })).toEqual({ type: 'linearizable' });
  });
});

/** Every order of every choice of those that were cut off. */
function bruteForce(operations: readonly Operation[]): boolean {
  const states = new KvStates();
  const explain = (left: readonly Operation[], state: State): boolean => {
    if (left.every(({ end }) => end === CUT)) return true;
    const firstEnd = Math.min(...left.map(({ end }) => end));
    return left.some((operation) => {
      if (operation.begin > firstEnd) return false;
      const next = states.step(state, operation);
      return (
        next !== undefined &&
        explain(
          left.filter((one) => one !== operation),
          next,
        )
      );
    });
  };
  return explain(operations, ABSENT);
}

/** Spans by chance, with answers a client may or may not have heard. */
const randomHistory: fc.Arbitrary<Operation[]> = fc
  .array(
    fc.record({
      from: fc.nat(20),
      takes: fc.nat(12),
      cut: fc.nat(5),
      call: fc.oneof(
        fc.constant(get),
        fc.constantFrom('1', '2').map(set),
        fc.constantFrom('1', '2').map(append),
        fc.constant(increment),
      ),
      answer: fc.constantFrom<Answer[]>(undefined, '1', '2', '11', '12', '21', '3'),
      number: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 7 },
  )
  .map((drafts) =>
    drafts
      .map(({ from, takes, cut, call, answer, number }, n) => {
        const end = cut === 0 ? CUT : from + takes + 1.005 + n / 100;
        const numeric = call.type === 'append' || call.type === 'increment';
        return op(from + n / 100, end, call, numeric ? number : answer);
      })
      .sort((a, b) => a.begin - b.begin),
  );

describe('against every order there is', () => {
  test('it says the same of any small history', () => {
    const seen = { linearizable: 0, violation: 0 };
    fc.assert(
      fc.property(randomHistory, (operations) => {
        const { type } = checkKey('k', operations);
        expect(type).toBe(bruteForce(operations) ? 'linearizable' : 'violation');
        if (type !== 'undecided') seen[type] += 1;
      }),
      { numRuns: 3000, seed: 42 },
    );
    // Chance alone must not have made it one-sided.
    expect(Math.min(seen.linearizable, seen.violation)).toBeGreaterThan(300);
  });
});

/** Clients of a store that does each operation at one instant of its span; some are cut off. */
function simulate(
  seed: number,
  options: { count: number; keys: number; clients: number; cutOneIn?: number },
): History {
  const chance = new Chance(seed);
  const history = new History();
  const values = new Map<string, string>();
  const open: { id: number; key: string; call: Call; answer?: Answer; did: boolean }[] = [];
  const apply = (key: string, call: Call): Answer => {
    const value = values.get(key);
    if (call.type === 'get') return value;
    const next =
      call.type === 'set'
        ? call.value
        : call.type === 'append'
          ? (value ?? '') + call.value
          : String(Number(value ?? 0) + 1);
    values.set(key, next);
    return call.type === 'append' ? next.length : call.type === 'increment' ? Number(next) : 'OK';
  };
  for (let n = 0; n < options.count; ) {
    const pick = chance.below(3 * options.clients);
    const one = open[pick % options.clients];
    if (one === undefined) {
      // Keys come to an end, as lists of appends grow.
      const key = `${['r', 'l', 'n'][chance.below(3)]}${chance.below(options.keys)}-${n >> 12}`;
      const kind = chance.below(2) === 0 ? 'get' : key[0];
      const call =
        kind === 'get'
          ? get
          : kind === 'r'
            ? set(`v${n}`)
            : kind === 'l'
              ? append(`${n},`)
              : increment;
      open.push({ id: history.invoke(open.length, key, call), key, call, did: false });
      n += 1;
    } else if (!one.did) {
      one.answer = apply(one.key, one.call);
      one.did = true;
    } else if (chance.below(options.cutOneIn ?? 500) === 0) {
      history.unknown(one.id);
      open.splice(open.indexOf(one), 1);
    } else {
      history.ok(one.id, one.answer);
      open.splice(open.indexOf(one), 1);
    }
  }
  return history;
}

describe('long histories', () => {
  test('a hundred thousand operations of a store that is right are linearizable', () => {
    const history = simulate(7, { count: 100_000, keys: 3, clients: 16 });
    expect(history.counts.unknown).toBeGreaterThan(50);
    expect(checkHistory(history)).toEqual({ type: 'linearizable' });
  });

  test('dozens of writes that were cut off on one key do not slow the search down', () => {
    const history = simulate(9, { count: 3_000, keys: 1, clients: 16, cutOneIn: 15 });
    expect(history.counts.unknown).toBeGreaterThan(150);
    expect(checkHistory(history, { stepsMax: 50_000 })).toEqual({ type: 'linearizable' });
  });

  test('one stale read among them is found', () => {
    const history = simulate(8, { count: 20_000, keys: 3, clients: 16 });
    const stale = history.invoke(99, 'r0-0', get);
    const written = (history.operations().get('r0-0') ?? []).find(
      ({ call, end }) => call.type === 'set' && end < 2_000,
    );
    history.ok(stale, written?.call.type === 'set' ? written.call.value : 'none');
    expect(checkHistory(history)).toMatchObject({ type: 'violation', key: 'r0-0' });
  });
});

describe('a history', () => {
  test('knows what was answered, cut off and not done, and counts what is open as cut off', () => {
    const history = new History();
    const [a, b, c, d] = [0, 1, 2, 3].map((client) =>
      history.invoke(client, 'k', set(`${client}`)),
    );
    history.ok(a ?? 0, 'OK');
    history.fail(b ?? 0);
    history.unknown(c ?? 0);
    expect(d).toBe(4);
    expect(history.counts).toEqual({ answered: 1, unknown: 2, failed: 1 });
    const ends = history
      .operations()
      .get('k')
      ?.map(({ client, end }) => [client, end]);
    expect(ends).toEqual([
      [0, 5],
      [2, CUT],
      [3, CUT],
    ]);
    expect(() => history.ok(a ?? 0, 'OK')).toThrow('not under way');
    expect(history.lines().split('\n')).toHaveLength(4);
  });
});
