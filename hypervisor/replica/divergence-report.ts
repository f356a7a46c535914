/** A divergence in words, for the peer and for people: what the log says and what the replay got. */

import type { MachineDivergence } from '../ports.ts';

export function divergenceReport(divergence: MachineDivergence): string {
  const { lsn, turn, expected, got } = divergence;
  const facts = ['ticks', 'digest', 'outputs', 'outputsCrc'] as const;
  const differing = facts.filter((fact) => expected[fact] !== got[fact]);
  const parts = differing.map((fact) => `${fact} ${expected[fact]} in the log, ${got[fact]} here`);
  if (divergence.output !== undefined) parts.push('an output differs');
  if (divergence.checkpoint !== undefined) parts.push('memory differs');
  if (parts.length === 0) parts.push('the check of a turn differs');
  const where = turn === undefined ? '' : `, turn at lsn ${turn}`;
  return `at lsn ${lsn}${where}: ${parts.join('; ')}`;
}
