import { expect, test } from 'vitest';
import { causeOf, FailoverPhases } from '../../../hypervisor/host/failover-phases.ts';
import type { Note } from '../../../hypervisor/protocol/notes.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';

const view = { epoch: asEpoch(2), primary: 'b:1', backups: [] };
const notes: readonly [number, Note][] = [
  [150, { type: 'suspected', peer: 'a:1', reason: 'silent' }],
  [153, { type: 'claimed', view }],
  [157, { type: 'tailReplayed', lsn: asLsn(9) }],
  [158, { type: 'promoted', view, lsnReceived: asLsn(9) }],
  [164, { type: 'firstOutput', lsn: asLsn(9) }],
];

test('a failover is cut into its phases, beginning with the last sign of life', () => {
  const phases = new FailoverPhases();
  phases.heard(50);
  phases.heard(100);
  for (const [at, note] of notes) phases.note(note, at);
  expect(phases.result).toEqual({
    cause: 'silent',
    times: { detect: 50, claim: 3, tail: 4, live: 1, firstOutput: 6 },
  });
});

test('a suspicion that came to nothing is not counted into the failover after it', () => {
  const phases = new FailoverPhases();
  phases.heard(10);
  phases.note({ type: 'suspected', peer: 'a:1', reason: 'link closed: gone' }, 40);
  phases.heard(145);
  for (const [at, note] of notes) phases.note(note, at);
  expect(phases.result).toMatchObject({ cause: 'silent', times: { detect: 5 } });
});

test.each([
  ['switchover', 'switchover'],
  ['operator', 'forced'],
] as const)(
  'by %s nothing is counted from before the decision, such as an old suspicion',
  (by, cause) => {
    const phases = new FailoverPhases();
    phases.heard(10);
    phases.note({ type: 'suspected', peer: 'a:1', reason: 'link closed: gone' }, 40);
    if (by === 'switchover') phases.note({ type: 'following', peer: 'a:1' }, 45);
    const [, [, claimed], ...rest] = notes as [never, readonly [number, Note], ...typeof notes];
    const ended = [phases.note({ ...claimed, by } as Note, 153)];
    for (const [at, note] of rest) ended.push(phases.note(note, at));
    expect(phases.result).toEqual({ cause, times: { tail: 4, live: 1, firstOutput: 6 } });
    // The histograms of failovers are about those that somebody had to notice.
    expect(ended.filter((one) => one !== undefined)).toEqual([]);
  },
);

test('a suspicion that ended with another primary is not part of what comes later', () => {
  for (const note of [
    { type: 'parted', reason: 'another replica is primary' },
    { type: 'reset', reason: 'damaged' },
    { type: 'following', peer: 'a:1' },
  ] as const) {
    const phases = new FailoverPhases();
    phases.note({ type: 'suspected', peer: 'a:1', reason: 'link closed: gone' }, 40);
    phases.note(note, 45);
    expect(phases.note({ type: 'claimed', view }, 9_000)).toBeUndefined();
    phases.note({ type: 'promoted', view, lsnReceived: asLsn(9) }, 9_001);
    expect(phases.result?.times).toEqual({});
  }
});

test('an output that comes long after going live is not recovery, one a second later still is', () => {
  for (const [later, counts] of [
    [1_000, true],
    [1_001, false],
  ] as const) {
    const phases = new FailoverPhases();
    for (const [at, note] of notes.slice(0, -1)) phases.note(note, at);
    phases.note({ type: 'firstOutput', lsn: asLsn(9) }, 158 + later);
    expect('firstOutput' in (phases.result?.times ?? {})).toBe(counts);
  }
});

test('a primary that began as one has had no failover, and losing a backup is none', () => {
  const phases = new FailoverPhases();
  const ended = [
    phases.note({ type: 'primaryLive', view }, 1),
    phases.note({ type: 'firstOutput', lsn: asLsn(1) }, 2),
    phases.note({ type: 'tailReplayed', lsn: asLsn(1) }, 3),
  ];
  expect(ended).toEqual([undefined, undefined, undefined]);
  expect(phases.result).toBeUndefined();
});

test('after the takeover the loss of a backup changes nothing of it', () => {
  const phases = new FailoverPhases();
  for (const [at, note] of notes) phases.note(note, at);
  const before = structuredClone(phases.result);
  phases.note({ type: 'suspected', peer: 'c:1', reason: 'silent' }, 500);
  phases.note({ type: 'claimed', view }, 501);
  expect(phases.result).toEqual(before);
});

test.each([
  ['link closed: read ECONNRESET', 'closed'],
  ['silent', 'silent'],
  ['something new', 'other'],
])('the reason %o becomes the label %o', (reason, cause) => {
  expect(causeOf(reason)).toBe(cause);
});
