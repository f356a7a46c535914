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
