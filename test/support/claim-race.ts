/** Claimants that go on claiming while somebody breaks their arbiter, and what must hold of it. */

import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { CLAIM_RETRY_MS } from '../../hypervisor/base/limits.ts';
import type { Arbiter } from '../../hypervisor/ports.ts';
import { claimView, viewOf } from './arbiter-conformance.ts';

export interface ClaimRace {
  readonly vm: string;
  /** Whoever was told that it won an epoch. */
  readonly winners: ReadonlyMap<number, string>;
  /** Claims that were repeated because there was no answer: who cannot know whether it has won. */
  readonly repeated: number;
  /** Epochs whose claimant was told of a later one when its claim had been put more than once. */
  readonly overtaken: ReadonlyMap<number, ReadonlySet<string>>;
}

export interface Claimant {
  readonly arbiter: Arbiter;
  /** More than one: the arbiter itself puts a claim to the next member when one is slow to answer. */
  readonly members: number;
}

/**
 * Lets every client claim one epoch after the other, until `isOver`. A claim without an answer is
 * repeated with its token until it is decided, as replicas do. `won` is told each epoch somebody won.
 */
export async function raceForEpochs(
  vm: string,
  clients: readonly Claimant[],
  options: { readonly isOver: (epoch: number) => boolean; readonly won: (epoch: number) => void },
): Promise<ClaimRace> {
  const winners = new Map<number, string>();
  const overtaken = new Map<number, Set<string>>();
  let repeated = 0;
  const run = async ({ arbiter, members }: Claimant, name: string): Promise<void> => {
    for (let known = 0; !options.isOver(known); ) {
      const claim = { token: randomUUID(), next: viewOf(known + 1, name) };
      let answer = await claimView(arbiter, vm, known, claim);
      let unclear = members > 1;
      while (answer.type === 'unavailable') {
        unclear = true;
        repeated += 1;
        await new Promise((resolve) => setTimeout(resolve, CLAIM_RETRY_MS));
        answer = await claimView(arbiter, vm, known, claim);
      }
      const epoch = answer.view?.epoch ?? 0;
      expect(epoch).toBeGreaterThan(known);
      if (answer.type === 'won') {
        expect({ epoch, wonBefore: winners.get(epoch) }).toEqual({ epoch, wonBefore: undefined });
        winners.set(epoch, name);
        options.won(epoch);
      } else if (epoch === known + 1) {
        // Who has won must not be told that it was somebody else.
        expect(answer.view?.primary).not.toBe(name);
      } else if (unclear) {
        overtaken.set(known + 1, (overtaken.get(known + 1) ?? new Set()).add(name));
      }
      known = epoch;
    }
  };
  await Promise.all(clients.map((client, at) => run(client, `p${at}:1`)));
  return { vm, winners, repeated, overtaken };
}

/** Holds the claimants' story against `kept`: the primary of each epoch as the server itself has it. */
export function checkRace(race: ClaimRace, kept: ReadonlyMap<number, string>): void {
  const last = Math.max(...race.winners.keys());
  for (let epoch = 1; epoch <= last; epoch++) {
    const primary = kept.get(epoch);
    expect({ epoch, primary }).toEqual({ epoch, primary: expect.any(String) });
    const told = race.winners.get(epoch);
    if (told !== undefined) expect({ epoch, told }).toEqual({ epoch, told: primary });
    // Nobody was told: then its winner had no answer before others had gone on.
    else expect(race.overtaken.get(epoch)).toContain(primary);
  }
}
