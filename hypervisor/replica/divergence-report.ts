/** A divergence in words, for the peer and for people: what the log says and what the replay got. */

import type { EndRecord } from '../../log-format/index.ts';
import type { MachineDivergence } from '../ports.ts';

export function divergenceReport(divergence: MachineDivergence): string {
  const { lsn, expected, got } = divergence;
  const facts: readonly (keyof Omit<EndRecord, 'type'>)[] = [
    'ticks',
    'digest',
    'outputs',
    'outputsCrc',
  ];
  const differing = facts.filter((fact) => expected[fact] !== got[fact]);
  const parts = differing.map((fact) => `${fact} ${expected[fact]} in the log, ${got[fact]} here`);
  return `at lsn ${lsn}: ${parts.join('; ')}`;
}
