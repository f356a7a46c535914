/** What this host should be now. Pure: facts in, a plan with its reason out. */

import type { View } from '../../protocol/messages.ts';
import type { Registration } from './registration.ts';

export interface PlanFacts {
  /** Of the run in this host's log; undefined: there is no log. */
  readonly logVm: string | undefined;
  readonly registration: Registration | undefined;
  /** In force for the run that is registered, or else that of the log. */
  readonly view: View | undefined;
  /** This host is the first of the peers. */
  readonly first: boolean;
  /** `--bootstrap`. */
  readonly bootstrap: boolean;
  /** May never be primary. */
  readonly hidden: boolean;
  /** Whether an address is this replica's. */
  readonly isOwn: (address: string) => boolean;
}

/** `begin` a new run, `resume` that of the log, be a `backup`, or do nothing because of `refused`. */
export interface Plan {
  readonly type: 'begin' | 'resume' | 'backup' | 'refused';
  /** For people: why. */
  readonly why: string;
}

export function planOf(facts: PlanFacts): Plan {
  const { logVm, registration, view, bootstrap, hidden, isOwn } = facts;
  const isKept = logVm !== undefined && isOfRun(logVm, facts);
  if (bootstrap) return bootstrapPlan(facts, isKept);
  if (hidden) return { type: 'backup', why: 'a hidden replica is never primary' };
  if (isKept) {
    if (view === undefined)
      return facts.first || (registration !== undefined && isOwn(registration.by))
        ? { type: 'resume', why: 'it has the log, and no view was ever decided' }
        : { type: 'backup', why: 'no view was ever decided, and this is not the first host' };
    return isOwn(view.primary)
      ? { type: 'resume', why: `it is primary of epoch ${view.epoch}` }
      : { type: 'backup', why: `${view.primary} is primary of epoch ${view.epoch}` };
  }
  if (registration === undefined)
    return facts.first
      ? { type: 'begin', why: 'no run is known, and this is the first host' }
      : { type: 'backup', why: 'no run is known, and another host is the first' };
  if (registration.vm === undefined)
    return isOwn(registration.by)
      ? { type: 'begin', why: 'the run that should begin here has not' }
      : { type: 'backup', why: `the run begins at ${registration.by}` };
  if (view !== undefined && isOwn(view.primary))
    return {
      type: 'backup',
      why: `it is primary of epoch ${view.epoch}, BUT ITS LOG IS GONE: another replica has to be made primary, or a new run begun with --bootstrap`,
    };
  const primary = view?.primary ?? registration.by;
  return { type: 'backup', why: `${primary} is primary, and nothing of its log is here` };
}

/** Whether the log here is of the run that is the guest's. */
function isOfRun(logVm: string, { registration, isOwn }: PlanFacts): boolean {
  if (registration === undefined) return true;
  // Killed between the first record and the second half of the registration.
  return registration.vm === undefined ? isOwn(registration.by) : registration.vm === logVm;
}

function bootstrapPlan({ hidden }: PlanFacts, isKept: boolean): Plan {
  if (isKept)
    return {
      type: 'refused',
      why: '--bootstrap begins a new run, and the log of the guest is here: leave it out to go on, or move the log away',
    };
  return hidden
    ? { type: 'refused', why: 'a hidden replica is never primary, so no run begins at it' }
    : { type: 'begin', why: '--bootstrap' };
}
