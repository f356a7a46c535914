import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Lifecycle, whatStays } from '../../../hypervisor/cli/lifecycle.ts';
import { Observation } from '../../../hypervisor/host/observation.ts';
import type { Note } from '../../../hypervisor/protocol/notes.ts';
import { asEpoch, asMicros } from '../../../log-format/index.ts';

const said: string[] = [];
vi.mock('../../../hypervisor/cli/print.ts', () => ({ say: (line: string) => said.push(line) }));

const B = '10.0.0.4:7700';
const view = (
  ...backups: string[]
): { epoch: ReturnType<typeof asEpoch>; primary: string; backups: string[] } => ({
  epoch: asEpoch(2),
  primary: 'a:1',
  backups,
});

let lifecycle: Lifecycle;
beforeEach(() => {
  said.length = 0;
  lifecycle = new Lifecycle({
    name: () => 'kv',
    joinAt: () => undefined,
    keptIn: () => 'data',
    eventsFd: undefined,
    verbose: false,
    observation: new Observation('primary'),
    logger: undefined,
  });
});

/** What is said of these notes. */
function lines(...notes: readonly Note[]): readonly string[] {
  for (const note of notes) lifecycle.note(note, asMicros(1));
  return said;
}

const stopped = { type: 'stopped', code: 143, confirmed: true } as const;

describe('a stop by SIGTERM', () => {
  it('of a guest without a backup says that nobody was there and how it goes on', () => {
    lifecycle.trouble('stopping.alone', { reason: 'there was no backup to hand over to' });
    expect(lines(stopped)).toEqual([
      'kv: stopped by SIGTERM: there was no backup to hand over to. Its log stays in data/kv, with all it had answered: hv run --resume --name kv --dir data, with its other options, goes on from there',
    ]);
  });

  it('names no directory where it is the usual one, and promises no log where none is kept', () => {
    expect(whatStays('kv', '.hv')).toContain('hv run --resume --name kv, with');
    expect(whatStays('kv', undefined)).toBe('No log was kept: nothing of it is left');
  });
});

describe('a stop', () => {
  it('of a guest that never had a backup and was asked for nothing is not told', () => {
    expect(lines(stopped)).toEqual([]);
  });

  it('tells what backups know only where there are any', () => {
    const shown = lines(
      { type: 'protected', view: view(B) },
      stopped,
      { type: 'unprotected', view: view() },
      stopped,
    );
    expect(shown[1]).toBe('kv: stopped with status 143, and the backups know');
    expect(shown[3]).toBe('kv: stopped with status 143');
  });
});

describe('a link that is lost', () => {
  it('to an address that never was a backup is no suspicion', () => {
    const reason = 'link closed: ECONNREFUSED: nobody listens there';
    expect(lines({ type: 'suspected', peer: B, reason })).toEqual([
      `kv: no link to backup ${B}: ECONNREFUSED: nobody listens there`,
    ]);
  });

  it('by one that refused is told once', () => {
    const reason = 'another engine';
    const shown = lines(
      { type: 'refused', peer: B, reason },
      { type: 'suspected', peer: B, reason: `refused: ${reason}` },
    );
    expect(shown).toEqual([`kv: backup ${B} refused: ${reason}`]);
  });

  it('to a backup of the view, or to who is followed, is a suspicion', () => {
    const reason = 'silent';
    expect(
      lines(
        { type: 'backupJoined', peer: B, view: view(B) },
        { type: 'suspected', peer: B, reason },
        { type: 'following', peer: 'p:1' },
        { type: 'suspected', peer: 'p:1', reason },
      ).filter((line) => line.includes('suspected')),
    ).toEqual([`kv: ${B} is suspected: silent`, 'kv: p:1 is suspected: silent']);
  });
});
