/**
 * What every arbiter must do, whatever keeps its views: one table of cases, registered by the tests of
 * each adapter. It asks through the port only, so that it holds for adapters that do not exist yet.
 */

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VIEW_BACKUPS_MAX } from '../../hypervisor/base/limits.ts';
import type { Arbiter, ArbiterAnswer } from '../../hypervisor/ports.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import { asEpoch } from '../../log-format/index.ts';

export interface ArbiterUnderTest {
  /** A new client of the same views: nothing it learns is shared with the others. */
  arbiter(): Arbiter;
  /**
   * Clients of an arbiter that cannot be reached, by what is wrong with it. Each must answer
   * `unavailable` by itself: who waits for ever cannot tell anybody.
   */
  readonly unreachable: Readonly<Record<string, () => Arbiter | Promise<Arbiter>>>;
  /** Ends the processes that keep the views with kill -9 and starts them again, where there are any. */
  restart?(): Promise<void>;
  /** Called once, after the last test. */
  stop(): void | Promise<void>;
}

export interface ConformanceOptions {
  /** Epochs two claimants race for. */
  readonly rounds?: number;
}

/** A view of `epoch` that differs from the others by its primary. */
export function viewOf(
  epoch: number,
  primary = 'a:1',
  backups: readonly string[] = ['b:2', 'c:3'],
): View {
  return { epoch: asEpoch(epoch), primary, backups };
}

export function readView(arbiter: Arbiter, vm: string): Promise<ArbiterAnswer> {
  return new Promise((resolve) => arbiter.read(vm, resolve));
}

/** Claims the epoch after `expected`; the token is a new one unless the claim is a retry. */
export function claimView(
  arbiter: Arbiter,
  vm: string,
  expected: number,
  options: { readonly token?: string; readonly next?: View } = {},
): Promise<ArbiterAnswer> {
  const { token = randomUUID(), next = viewOf(expected + 1) } = options;
  return new Promise((resolve) =>
    arbiter.claim({ vm, expect: asEpoch(expected), next, token }, resolve),
  );
}

/** A name that no other test uses: an arbiter may be shared by several of them. */
export function newVm(prefix = 'kv'): string {
  return `${prefix}-${randomUUID()}`;
}

const STRANGE_NAMES: readonly string[] = [
  '.',
  '..',
  '../..',
  '/',
  'a/b',
  'a%2Fb',
  'a b',
  'a\tb\nc',
  'nul\u0000byte',
  '~x',
  '%',
  "quote'; DROP TABLE hv_views; --",
  '{"json":true}',
  'ü',
  'u\u0308',
  '猫/🐈',
  'Kv',
  'kv',
  'prefix',
  'prefix-',
  'prefix-longer',
  'x'.repeat(300),
  'x'.repeat(301),
  '🐈'.repeat(2_000),
];

/** Registers the tests. `open` is called once, before the first. */
export function arbiterConformance(
  name: string,
  open: () => Promise<ArbiterUnderTest>,
  options: ConformanceOptions = {},
): void {
  let opened: ArbiterUnderTest | undefined;
  const subject = (): ArbiterUnderTest => {
    if (opened === undefined) throw new Error(`${name} was not opened`);
    return opened;
  };
  describe(`${name} keeps the contract of an arbiter`, () => {
    beforeAll(async () => {
      opened = await open();
    }, 60_000);
    afterAll(() => opened?.stop(), 60_000);
    claimCases(subject);
    retryCases(subject);
    raceCases(subject, options.rounds ?? 300);
    nameCases(subject);
    troubleCases(subject);
  });
}

function claimCases(subject: () => ArbiterUnderTest): void {
  test('a vm nobody claimed has no view, and reading it makes none', async () => {
    const vm = newVm();
    const arbiter = subject().arbiter();
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: undefined });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: undefined });
    expect(await claimView(arbiter, vm, 0)).toEqual({ type: 'won', view: viewOf(1) });
  });

  test('the first claim of an epoch wins it, and everybody is shown its view', async () => {
    const vm = newVm();
    const next = viewOf(1, 'z:9', ['only:1']);
    const arbiter = subject().arbiter();
    expect(await claimView(arbiter, vm, 0, { next })).toEqual({ type: 'won', view: next });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: next });
    expect(await readView(subject().arbiter(), vm)).toEqual({ type: 'current', view: next });
  });

  test('a losing claim is told the view in force and changes nothing', async () => {
    const vm = newVm();
    await claimView(subject().arbiter(), vm, 0);
    const other = subject().arbiter();
    const lost = await claimView(other, vm, 0, { next: viewOf(1, 'z:9', []) });
    expect(lost).toEqual({ type: 'lost', view: viewOf(1) });
    expect(await readView(other, vm)).toEqual({ type: 'current', view: viewOf(1) });
  });

  test('epochs follow each other without a gap, whoever claims them', async () => {
    const vm = newVm();
    const clients = [subject().arbiter(), subject().arbiter()];
    for (let epoch = 0; epoch < 12; epoch++) {
      const client = clients[epoch % 2] ?? subject().arbiter();
      const next = viewOf(epoch + 1, `p${epoch}:1`);
      expect(await claimView(client, vm, epoch, { next })).toEqual({ type: 'won', view: next });
    }
    const last = { type: 'current', view: viewOf(12, 'p11:1') };
    for (const client of clients) expect(await readView(client, vm)).toEqual(last);
  });

  test('a claim that expects an epoch long past loses to the view in force', async () => {
    const vm = newVm();
    const arbiter = subject().arbiter();
    for (let epoch = 0; epoch < 5; epoch++) await claimView(arbiter, vm, epoch);
    for (const expected of [0, 1, 3, 4]) {
      expect(await claimView(arbiter, vm, expected, { next: viewOf(expected + 1, 'z:9') })).toEqual(
        { type: 'lost', view: viewOf(5) },
      );
    }
  });

  test('a claim that expects an epoch nobody has won is not decided', async () => {
    const vm = newVm();
    const arbiter = subject().arbiter();
    expect(await claimView(arbiter, vm, 3)).toMatchObject({ type: 'unavailable' });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: undefined });
    await claimView(arbiter, vm, 0);
    const ahead = await claimView(arbiter, vm, 2);
    expect(ahead).toMatchObject({
      type: 'unavailable',
      reason: expect.stringMatching(/\b1\b/),
    });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: viewOf(1) });
    expect(await claimView(arbiter, vm, 1)).toEqual({ type: 'won', view: viewOf(2) });
  });

  test('a view comes back as it was claimed, with none or with all the backups it may name', async () => {
    const vm = newVm();
    const arbiter = subject().arbiter();
    const many = Array.from({ length: VIEW_BACKUPS_MAX }, (_, at) => `[fe80::${at}%eth0]:${at}`);
    const full = viewOf(1, 'p:1', many);
    expect(await claimView(arbiter, vm, 0, { next: full })).toEqual({ type: 'won', view: full });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: full });
    const bare = viewOf(2, 'ü"\\/:1', []);
    expect(await claimView(arbiter, vm, 1, { next: bare })).toEqual({ type: 'won', view: bare });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: bare });
  });
}

function retryCases(subject: () => ArbiterUnderTest): void {
  test('a retry with the same token wins again, as often as it is asked, also through another client', async () => {
    const vm = newVm();
    const token = randomUUID();
    const won = { type: 'won', view: viewOf(1) };
    const arbiter = subject().arbiter();
    for (let asked = 0; asked < 3; asked++)
      expect(await claimView(arbiter, vm, 0, { token })).toEqual(won);
    expect(await claimView(subject().arbiter(), vm, 0, { token })).toEqual(won);
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: viewOf(1) });
  });

  test('a retry loses once a later epoch is won, and is told that one', async () => {
    const vm = newVm();
    const token = randomUUID();
    const arbiter = subject().arbiter();
    await claimView(arbiter, vm, 0, { token });
    await claimView(arbiter, vm, 1, { next: viewOf(2, 'b:2') });
    const lost = { type: 'lost', view: viewOf(2, 'b:2') };
    expect(await claimView(arbiter, vm, 0, { token })).toEqual(lost);
    await claimView(arbiter, vm, 2, { next: viewOf(3, 'c:3') });
    expect(await claimView(arbiter, vm, 0, { token })).toMatchObject({ type: 'lost' });
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: viewOf(3, 'c:3') });
  });

  test('the same claim asked many times at once is won each time and changes the view once', async () => {
    const vm = newVm();
    const token = randomUUID();
    const clients = Array.from({ length: 4 }, () => subject().arbiter());
    const answers = await Promise.all(clients.map((one) => claimView(one, vm, 0, { token })));
    for (const answer of answers) expect(answer).toEqual({ type: 'won', view: viewOf(1) });
    expect(await claimView(subject().arbiter(), vm, 1)).toEqual({ type: 'won', view: viewOf(2) });
  });
}

function raceCases(subject: () => ArbiterUnderTest, rounds: number): void {
  test(`of two claimants at once exactly one wins each of ${rounds} epochs`, async () => {
    const vm = newVm();
    const clients = [subject().arbiter(), subject().arbiter()];
    for (let epoch = 0; epoch < rounds; epoch++) {
      const answers = await Promise.all(
        clients.map((one, at) =>
          claimView(one, vm, epoch, { next: viewOf(epoch + 1, `p${at}:${epoch}`) }),
        ),
      );
      expect(answers.map(({ type }) => type).sort()).toEqual(['lost', 'won']);
      const winner = answers.findIndex(({ type }) => type === 'won');
      // Both are told the same view: the winner's.
      for (const answer of answers)
        expect(answer).toMatchObject({ view: viewOf(epoch + 1, `p${winner}:${epoch}`) });
    }
  });

  test('of eight claimants who run on at their own pace no two win the same epoch', async () => {
    const vm = newVm();
    const last = Math.min(rounds, 100);
    const winners = new Map<number, string>();
    const run = async (name: string): Promise<void> => {
      const arbiter = subject().arbiter();
      for (let known = 0; known < last; ) {
        const answer = await claimView(arbiter, vm, known, { next: viewOf(known + 1, name) });
        if (answer.type === 'unavailable') throw new Error(answer.reason);
        const view = answer.view ?? viewOf(0);
        if (answer.type === 'won') {
          expect(winners.has(view.epoch)).toBe(false);
          winners.set(view.epoch, name);
        }
        expect(view.epoch).toBeGreaterThan(known);
        known = view.epoch;
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, at) => run(`p${at}:1`)));
    for (let epoch = 1; epoch <= last; epoch++) expect(winners.has(epoch)).toBe(true);
  });

  test('many vms are decided at once and apart from each other', async () => {
    const arbiter = subject().arbiter();
    const vms = Array.from({ length: 40 }, (_, at) => newVm(`many-${at}`));
    const nextOf = (at: number): View => viewOf(1, `p${at}:1`);
    const won = await Promise.all(
      vms.map((vm, at) => claimView(arbiter, vm, 0, { next: nextOf(at) })),
    );
    const shown = await Promise.all(vms.map((vm) => readView(arbiter, vm)));
    for (const [at] of vms.entries()) {
      expect(won[at]).toEqual({ type: 'won', view: nextOf(at) });
      expect(shown[at]).toEqual({ type: 'current', view: nextOf(at) });
    }
  });
}

function nameCases(subject: () => ArbiterUnderTest): void {
  test('vms do not meet, whatever their names', async () => {
    const arbiter = subject().arbiter();
    const run = randomUUID();
    const names = STRANGE_NAMES.map((name) => `${name}${run}`);
    // The names that are short and special as they stand, too, where a directory or a path may not.
    const all = [...names, ...STRANGE_NAMES];
    for (const [at, vm] of all.entries()) {
      const current = await readView(arbiter, vm);
      // A durable arbiter may know the plain names from an earlier run of this very table.
      const epoch = current.type === 'current' ? (current.view?.epoch ?? 0) : -1;
      if (at < names.length) expect(epoch).toBe(0);
      const next = viewOf(epoch + 1, `p${at}:1`);
      expect(await claimView(arbiter, vm, epoch, { next })).toEqual({ type: 'won', view: next });
    }
    for (const [at, vm] of all.entries())
      expect(await readView(arbiter, vm)).toMatchObject({ view: { primary: `p${at}:1` } });
  });
}

function troubleCases(subject: () => ArbiterUnderTest): void {
  test('an arbiter that cannot be reached answers that it is unavailable, and why', async () => {
    for (const [what, connect] of Object.entries(subject().unreachable)) {
      const arbiter = await connect();
      const answers = [await readView(arbiter, newVm()), await claimView(arbiter, newVm(), 0)];
      for (const answer of answers)
        expect({ what, answer }).toMatchObject({ answer: { type: 'unavailable' } });
      for (const answer of answers)
        expect(answer.type === 'unavailable' ? answer.reason : '').not.toBe('');
    }
  });

  test('a new client knows what an earlier one decided, and after a kill of the keepers, too', async () => {
    const vm = newVm();
    const token = randomUUID();
    const before = subject().arbiter();
    await claimView(before, vm, 0);
    await claimView(before, vm, 1, { token, next: viewOf(2, 'b:2') });
    await subject().restart?.();
    for (const arbiter of [subject().arbiter(), before]) {
      expect(await decided(() => readView(arbiter, vm))).toEqual({
        type: 'current',
        view: viewOf(2, 'b:2'),
      });
      const again = (): Promise<ArbiterAnswer> =>
        claimView(arbiter, vm, 1, { token, next: viewOf(2, 'b:2') });
      expect(await decided(again)).toEqual({ type: 'won', view: viewOf(2, 'b:2') });
      expect(await decided(() => claimView(arbiter, vm, 1))).toMatchObject({ type: 'lost' });
    }
  });
}

/** Asks until there is an answer: a connection from before a restart may fail once. */
async function decided(ask: () => Promise<ArbiterAnswer>): Promise<ArbiterAnswer> {
  for (let asked = 1; ; asked++) {
    const answer = await ask();
    if (answer.type !== 'unavailable' || asked === 100) return answer;
  }
}
