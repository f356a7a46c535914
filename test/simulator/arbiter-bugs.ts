/** Bugs planted between a replica and the arbiter, or in the arbiter itself. */

import type { View } from '../../hypervisor/protocol/messages.ts';
import type { ArbiterTap } from './sim-arbiter.ts';
import type { SimProcess, World } from './world.ts';

type ClaimTap = NonNullable<ArbiterTap['claim']>;

/** A reader is told that it is in the view. */
export function named(process: SimProcess, view: View | undefined): View | undefined {
  return view && { ...view, backups: [...view.backups, process.name] };
}

/** A primary that has been deposed is told that it has won. */
export const neverDeposed: ClaimTap = (process, claim, ask, done) =>
  ask(claim, (answer) => {
    const deposed = answer.type === 'lost' && claim.next.primary === process.name;
    const primary = claim.expect > 0 && claim.next.backups.length === 0;
    done(deposed && primary ? { type: 'won', view: claim.next } : answer);
  });

/** Who owns the view goes on alone unasked; a backup still asks, and so does one who adds one. */
export function askNobody(): ClaimTap {
  let owner = '';
  return (process, claim, ask, done) => {
    if (process.name === owner && claim.next.backups.length === 0) {
      done({ type: 'won', view: claim.next });
      return;
    }
    ask(claim, (answer) => {
      if (answer.type === 'won') owner = process.name;
      done(answer);
    });
  };
}

/** Nobody knows whether the claim was taken: the claimant takes it for taken. */
export const unclearIsWon: ClaimTap = (_process, claim, ask, done) =>
  ask(claim, (answer) =>
    done(answer.type === 'unavailable' ? { type: 'won', view: claim.next } : answer),
  );

/** A claim that is repeated is another claim. */
export function newToken(): ClaimTap {
  const asked = new Map<string, number>();
  return (_process, claim, ask, done) => {
    const times = asked.get(claim.token) ?? 0;
    asked.set(claim.token, times + 1);
    ask(times === 0 ? claim : { ...claim, token: `${claim.token}/${times}` }, done);
  };
}

/** Now and then the arbiter decides by the view before the one in force. */
export function forgetful(world: World): (view: View | undefined) => View | undefined {
  let current: View | undefined;
  let before: View | undefined;
  return (view) => {
    if (view !== current) {
      before = current;
      current = view;
    }
    return before !== undefined && world.random.chance(0.3) ? before : view;
  };
}
