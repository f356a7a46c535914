import { describe, expect, test } from 'vitest';
import { Chance } from '../../../hypervisor/cli/demo/chance.ts';
import {
  judge,
  KvScript,
  type Operation,
  type ReadBack,
  SEGMENT_OPERATIONS,
  segmentOf,
  segmentStart,
} from '../../../hypervisor/cli/demo/kv-model.ts';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';

/** The few commands of the script, as Redis answers them. */
class ToyStore {
  readonly keys = new Map<string, string>();

  apply({ words: [command, key = '', value = ''] }: Pick<Operation, 'words'>): string {
    const old = this.keys.get(key);
    if (command === 'GET') return old ?? 'nil';
    const next =
      command === 'APPEND'
        ? (old ?? '') + value
        : command === 'INCR'
          ? String(Number(old ?? 0) + 1)
          : value;
    this.keys.set(key, next);
    return command === 'SET' ? 'OK' : command === 'INCR' ? next : String(next.length);
  }

  readBack(script: KvScript, span: { from: number; to: number }): ReadBack {
    let log = '';
    for (
      let segment = segmentOf(span.from);
      segment <= segmentOf(Math.max(span.to, 1));
      segment += 1
    ) {
      log += this.keys.get(script.logKey(segment)) ?? '';
    }
    return {
      log,
      count: this.keys.get(script.countKey),
      register: this.keys.get(script.registerKey),
      logFrom: span.from,
    };
  }
}

/** A client that has sent `sent` operations and got replies to `acked`, and a store to break. */
function history(
  acked: number,
  sent: number,
  applied: number,
): {
  script: KvScript;
  store: ToyStore;
  tally: Tally;
  verdict: () => number | undefined;
  operations: Operation[];
} {
  const script = new KvScript('k');
  const store = new ToyStore();
  const tally = new Tally();
  const operations: Operation[] = [];
  for (let n = 1; n <= sent; n += 1) {
    const operation = script.issue();
    operations.push(operation);
    if (n <= applied) expect(store.apply(operation)).toBe(operation.expected);
  }
  const verdict = () =>
    judge(
      store.readBack(script, { from: segmentStart(acked), to: sent }),
      { acked, sent },
      { tally, client: 'c' },
    );
  return { script, store, tally, verdict, operations };
}

describe('what one reset connection may leave behind', () => {
  test('every state between acknowledged and sent is right, and is told from the others', () => {
    for (let applied = 20; applied <= 30; applied += 1) {
      const { tally, verdict } = history(20, 30, applied);
      const found = verdict();
      expect(tally.findings).toEqual([]);
      // A GET changes nothing, so that it may be counted as not applied.
      expect(applied - (found ?? Number.NaN)).toBeLessThanOrEqual(1);
      expect(found).toBeLessThanOrEqual(applied);
    }
  });

  test.each([1, 2, 3])('log keys change under the operations in flight (seed %i)', (seed) => {
    const chance = new Chance(seed);
    const script = new KvScript('k');
    const store = new ToyStore();
    const tally = new Tally();
    let acked = 0;
    let failovers = 0;
    while (acked < 3 * SEGMENT_OPERATIONS) {
      const window = Array.from({ length: 1 + chance.below(40) }, () => script.issue());
      const applied = chance.below(window.length + 1);
      const answered = chance.below(applied + 1);
      for (const operation of window.slice(0, applied)) {
        expect(store.apply(operation)).toBe(operation.expected);
      }
      acked += answered;
      const span = { acked, sent: script.next - 1 };
      const seen = store.readBack(script, { from: segmentStart(acked), to: span.sent });
      const found = judge(seen, span, { tally, client: 'c' });
      expect(tally.findings).toEqual([]);
      acked = found ?? Number.NaN;
      script.rewind(acked);
      failovers += 1;
    }
    const all = store.readBack(script, { from: 1, to: script.next - 1 });
    expect(judge(all, { acked, sent: acked }, { tally, client: 'c' })).toBe(acked);
    expect(tally.clean).toBe(true);
    expect(failovers).toBeGreaterThan(100);
  });
});

describe('the checker sees', () => {
  const faults = ({ lost, doubled, outOfOrder, wrong }: Tally) => ({
    lost,
    doubled,
    outOfOrder,
    wrong,
  });
  const none = { lost: 0, doubled: 0, outOfOrder: 0, wrong: 0 };

  test('a store that lost everything', () => {
    const { store, tally, verdict } = history(40, 44, 44);
    store.keys.clear();
    expect(verdict()).toBeUndefined();
    // Ten appends, ten increments and the register.
    expect(faults(tally)).toEqual({ ...none, lost: 21 });
  });

  test('one acknowledged append that is gone', () => {
    const { script, store, tally, verdict } = history(40, 40, 40);
    const key = script.logKey(0);
    store.keys.set(key, store.keys.get(key)?.replace('37,', '') ?? '');
    expect(verdict()).toBeUndefined();
    expect(faults(tally)).toEqual({ ...none, lost: 1 });
    expect(tally.findings[0]).toContain('37');
  });

  test.each([
    ['append', 41, 'doubled'],
    ['increment', 42, 'doubled'],
  ])('an %s in flight that was applied and then applied again', (_name, number, fault) => {
    const { store, tally, verdict, operations } = history(40, number, number);
    const last = operations[number - 1];
    if (last !== undefined) store.apply(last);
    expect(verdict()).toBeUndefined();
    expect(faults(tally)).toEqual({ ...none, [fault]: 1 });
  });

  test('an acknowledged increment that is gone and one too many', () => {
    const less = history(40, 40, 40);
    less.store.keys.set(less.script.countKey, '9');
    less.verdict();
    expect(faults(less.tally)).toEqual({ ...none, lost: 1 });
    const more = history(40, 40, 40);
    more.store.keys.set(more.script.countKey, '11');
    more.verdict();
    expect(faults(more.tally)).toEqual({ ...none, doubled: 1 });
  });

  test('an old register, a foreign one and one in no order with the other keys', () => {
    const old = history(40, 40, 40);
    old.store.keys.set(old.script.registerKey, '35');
    old.verdict();
    expect(faults(old.tally)).toEqual({ ...none, lost: 1 });
    const foreign = history(40, 48, 40);
    foreign.store.keys.set(foreign.script.registerKey, '41');
    foreign.verdict();
    expect(faults(foreign.tally)).toEqual({ ...none, wrong: 1 });
    const early = history(40, 48, 40);
    early.store.keys.set(early.script.registerKey, '47');
    early.verdict();
    expect(faults(early.tally)).toEqual({ ...none, outOfOrder: 1 });
  });

  test('appends in another order, with a hole, never sent, or cut', () => {
    const change = (edit: (log: string) => string): Tally => {
      const { script, store, tally, verdict } = history(40, 60, 60);
      const key = script.logKey(0);
      store.keys.set(key, edit(store.keys.get(key) ?? ''));
      expect(verdict()).toBeUndefined();
      return tally;
    };
    expect(faults(change((log) => log.replace('33,37,', '37,33,')))).toEqual({
      ...none,
      outOfOrder: 1,
    });
    // 45 is missing: 49, 53 and 57 are there without it.
    expect(faults(change((log) => log.replace('45,', '')))).toEqual({ ...none, outOfOrder: 3 });
    expect(faults(change((log) => `${log}61,`))).toEqual({ ...none, wrong: 1 });
    expect(faults(change((log) => `${log}6`))).toEqual({ ...none, wrong: 1 });
  });

  test('a retry although the first attempt had been applied', () => {
    // What a checker that only reads at the end must see, too: the store applied operation 41 twice.
    const { store, tally, operations } = history(40, 60, 41);
    for (const operation of operations.slice(40)) store.apply(operation);
    const script = new KvScript('k');
    judge(
      store.readBack(script, { from: 1, to: 60 }),
      { acked: 60, sent: 60 },
      { tally, client: 'c' },
    );
    expect(tally.doubled).toBe(1);
  });
});
