/** The state diagrams of the protocol's page are drawn from the code, and are those of today. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { BackupPhase } from '../../hypervisor/protocol/backup-copy.ts';
import type { SessionState } from '../../hypervisor/protocol/backup-session.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8');

/** Complete by its type: a state that is new is missing here first. */
const PHASES: Record<BackupPhase, true> = {
  idle: true,
  following: true,
  deciding: true,
  parted: true,
  diverged: true,
  ended: true,
};
const STATES: Record<SessionState, true> = {
  greeting: true,
  streaming: true,
  catchingUp: true,
  gated: true,
  observing: true,
  lost: true,
};

function edgesOf(name: string): readonly (readonly [string, string])[] {
  const drawn = page.split(`<!-- ${name}:begin -->`)[1]?.split(`<!-- ${name}:end -->`)[0] ?? '';
  return [...drawn.matchAll(/^ {2}(\S+) --> ([^\s:]+)/gm)].map(
    ([, from = '', to = '']) => [from, to] as const,
  );
}

test('the page is what the generator draws (node scripts/generate-protocol-diagrams.mjs)', () => {
  const script = join(ROOT, 'scripts/generate-protocol-diagrams.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

describe.each([
  ['backup-phases', Object.keys(PHASES)],
  ['session-states', Object.keys(STATES)],
])('%s', (name, states) => {
  test('draws every state of the type, and a way to it', () => {
    const reached = new Set(edgesOf(name).map(([, to]) => to));
    reached.delete('[*]');
    expect([...reached].sort()).toEqual([...states].sort());
  });
});

test('nobody goes live from a state in which it may not', () => {
  const into = (to: string, name: string): string[] =>
    edgesOf(name).flatMap(([from, end]) => (end === to ? [from] : []));
  expect(into('streaming', 'session-states')).toEqual(['greeting']);
  expect(into('gated', 'session-states')).toEqual(['catchingUp']);
  // One that is parted has read of a view that takes it in; one that differs decides for its log alone.
  expect(into('deciding', 'backup-phases')).toEqual(['following', 'parted', 'diverged']);
  expect(into('diverged', 'backup-phases')).toEqual(['following']);
  expect(edgesOf('backup-phases').filter(([from]) => from === 'ended')).toEqual([['ended', '[*]']]);
});
