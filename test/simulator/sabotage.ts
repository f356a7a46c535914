/**
 * Bugs planted between the code under test and its ports, to see that the checker sees them. The
 * code itself has no switch for any of them.
 */

import type { AckRule } from '../../hypervisor/protocol/ack-level.ts';
import type { OwnLogMode } from '../../hypervisor/protocol/own-log.ts';
import {
  askNobody,
  forgetful,
  named,
  neverDeposed,
  newToken,
  unclearIsWon,
} from './arbiter-bugs.ts';
import type { HostBugs } from './cluster.ts';
import type { EdgeBugs } from './edge.ts';
import type { Fault } from './faults.ts';
import {
  ackAtOnce,
  ackTransfer,
  ackUnrun,
  forgetEarly,
  seemsOpen,
  stopUnsaid,
  tellsAll,
} from './link-bugs.ts';
import type { Tap } from './network.ts';
import { DEFAULT_RULE, type Member } from './protection.ts';
import type { ArbiterTap } from './sim-arbiter.ts';
import type { StaleKind } from './stale.ts';
import type { World } from './world.ts';

/** What each planted bug is, by the rule it breaks. */
export const SABOTAGES = {
  // Rule 1: the primary of a view was primary or backup of the one before.
  unsyncedPromotion: 'a backup that is not in the view is told that it is',
  // Rule 2: the primary waits for the backup to accept each operation. The output rule.
  releaseEarly: 'an ack for every batch the moment it is sent',
  // Rule 3: who is not a backup in the view refuses what is forwarded to it.
  ackAfterParting: 'a backup that has parted from its primary goes on acknowledging',
  // Rule 4: who is not primary answers no client.
  backupReleases: 'a backup lets out what it replays',
  // Rule 5: every operation is before or after a state transfer.
  claimBeforeTransfer: 'a newcomer acknowledges the whole log when the first of it arrives',
  streamSkips: 'the last batch of a state transfer is left out',
  // Fencing.
  ignoreFence: 'a deposed primary is told that it has won',
  skipClaim: 'a primary goes on without its backup and asks nobody',
  sameToken: 'all claims carry the same token',
  unclearIsWon: 'an answer that nobody knows is taken for a victory',
  newTokenOnRetry: 'a claim is repeated under another token',
  arbiterForgets: 'the arbiter goes back to the view before',
  // Epochs.
  staleAck: 'the epoch of an ack is not compared',
  staleBatch: 'the epoch of a batch is not compared',
  staleReleased: 'the epoch of news about what has left is not compared',
  staleBye: 'the epoch of a farewell is not compared',
  staleView: 'the epoch of a view message is not compared',
  // Exactly once.
  edgeTakesTwice: 'the edge compares no offsets',
  callsUnsaid: 'a guest is not told that its call was lost with its primary',
  forgetEarly: 'a backup is told that outputs have left which are still held',
  dropTail: 'a promoted backup forgets the group whose end never came',
  dropHeld: 'a promoted backup throws the outputs away that it held',
  // The log.
  logLies: 'the own log says that it is written before it is',
  startsAtNewest: 'a copy is run from its newest snapshot, whatever of the outputs before has left',
  markForgotten: 'a run that goes on takes all of its log for sent',
  divergenceIgnored: 'a replay that differs is passed over',
  stopUnsaid: 'a stop is not told to the backup',
  // Levels and quorums.
  lagLies: 'without waiting for acks, less is reported as lag than is missing',
  replayUnrun: 'a backup says that it has run what it has only received',
  unverified: 'outputs leave though the hash of a backup that differs was not compared',
  syncLies: 'a backup says that it is on its disk before it is',
  quorumOfOne: 'one backup is enough where two are asked for',
  goesOnAlone: 'outputs leave without a backup where they were to stop',
  electionAlone: 'a backup does not compare its log where a quorum was enough',
  handsOverUnsynced: 'a backup is given the view and its disk lacks what has left',
  hiddenNamed: 'a hidden backup is taken into a view',
} as const;
export type Sabotage = keyof typeof SABOTAGES;
export const SABOTAGE_NAMES: readonly Sabotage[] = Object.keys(SABOTAGES) as Sabotage[];

export interface Bugs {
  readonly tap?: Tap;
  readonly ghostAcks?: boolean;
  readonly arbiterTap?: ArbiterTap;
  readonly edgeBugs?: EdgeBugs;
  readonly hostBugs: HostBugs;
  readonly epochUnchecked?: StaleKind;
  /** What its histories are made of, where it would show too rarely in any. */
  readonly focus?: Focus;
}

export interface Focus {
  readonly faults?: readonly Fault[];
  readonly backupsWanted?: number;
  readonly rule?: AckRule;
  readonly writeMs?: number;
  readonly checkpointEvery?: number;
  /** What every backup is. */
  readonly kind?: Partial<Member>;
  readonly ownLog?: OwnLogMode;
}

const NONE: HostBugs = {};
/** Keeps the log and snapshots. */
const WARM: Partial<Member> = { cold: true, hidden: false };

/** The bug as it is planted; without one, none. */
export function sabotaged(sabotage: Sabotage | undefined, world: World): Bugs {
  switch (sabotage) {
    case undefined:
      return { hostBugs: NONE };
    case 'unsyncedPromotion':
      return {
        hostBugs: NONE,
        arbiterTap: { read: named },
        focus: { faults: ['breakLinks', 'killPrimary'] },
      };
    case 'releaseEarly':
      return { hostBugs: NONE, tap: ackAtOnce };
    case 'ackAfterParting':
      return { hostBugs: NONE, ghostAcks: true, focus: { faults: ['pausePrimary', 'cutOneWay'] } };
    case 'backupReleases':
      return { hostBugs: { backupReleases: true } };
    case 'claimBeforeTransfer':
      return { hostBugs: NONE, tap: ackTransfer(world) };
    case 'streamSkips':
      return { hostBugs: { streamSkips: true } };
    case 'ignoreFence':
      return { hostBugs: NONE, arbiterTap: { claim: neverDeposed } };
    case 'skipClaim':
      return { hostBugs: NONE, arbiterTap: { claim: askNobody() } };
    case 'sameToken':
      return { hostBugs: { sameToken: true } };
    case 'unclearIsWon':
      return {
        hostBugs: NONE,
        arbiterTap: { claim: unclearIsWon },
        focus: { faults: ['arbiter', 'breakLinks'] },
      };
    case 'newTokenOnRetry':
      return {
        hostBugs: NONE,
        arbiterTap: { claim: newToken() },
        focus: { faults: ['arbiter', 'killBackup', 'breakLinks'] },
      };
    case 'arbiterForgets':
      return { hostBugs: NONE, arbiterTap: { remembered: forgetful(world) } };
    case 'staleAck':
      return { hostBugs: NONE, epochUnchecked: 'ack', focus: { faults: ['stale', 'slowLinks'] } };
    case 'staleBatch':
      return { hostBugs: NONE, epochUnchecked: 'batch', focus: { faults: ['stale'] } };
    case 'staleReleased':
      return {
        hostBugs: NONE,
        epochUnchecked: 'released',
        focus: { faults: ['stale', 'killPrimary', 'cutOneWay'] },
      };
    case 'staleBye':
      return { hostBugs: NONE, epochUnchecked: 'bye' };
    case 'staleView':
      return { hostBugs: NONE, epochUnchecked: 'view' };
    case 'edgeTakesTwice':
      return { hostBugs: NONE, edgeBugs: { takesTwice: true } };
    case 'callsUnsaid':
      return { hostBugs: NONE, edgeBugs: { callsUnsaid: true } };
    case 'forgetEarly':
      return { hostBugs: NONE, tap: forgetEarly };
    case 'dropTail':
      return { hostBugs: { mangle: (handover) => ({ ...handover, tail: undefined }) } };
    case 'dropHeld':
      return { hostBugs: { mangle: (handover) => ({ ...handover, held: [] }) } };
    case 'logLies':
      return {
        hostBugs: { logLies: true },
        focus: { faults: ['killAll'], writeMs: 3, ownLog: 'written' },
      };
    case 'startsAtNewest':
      return {
        hostBugs: { startsAtNewest: true },
        focus: { checkpointEvery: 1, faults: ['pausePrimary', 'cutBothWays'], kind: WARM },
      };
    case 'markForgotten':
      return { hostBugs: { forgetsMark: true }, focus: { faults: ['killPrimary', 'breakLinks'] } };
    case 'divergenceIgnored':
      return { hostBugs: { divergenceIgnored: true }, focus: { faults: ['flip', 'killPrimary'] } };
    case 'stopUnsaid':
      return { hostBugs: NONE, tap: stopUnsaid };
    default:
      return ruleBroken(sabotage);
  }
}

type RuleBug =
  | 'lagLies'
  | 'replayUnrun'
  | 'unverified'
  | 'syncLies'
  | 'quorumOfOne'
  | 'goesOnAlone'
  | 'electionAlone'
  | 'handsOverUnsynced'
  | 'hiddenNamed';

/** What outputs wait for, and who may be named: each in histories whose rule it breaks. */
function ruleBroken(sabotage: RuleBug): Bugs {
  switch (sabotage) {
    case 'lagLies':
      return {
        hostBugs: NONE,
        tap: ackAtOnce,
        focus: { faults: ['killPrimary', 'cutOneWay'], rule: ruled({ level: 'async' }) },
      };
    case 'replayUnrun':
      return { hostBugs: NONE, tap: ackUnrun, focus: { rule: ruled({ level: 'replayed' }) } };
    case 'unverified':
      return {
        hostBugs: { divergenceIgnored: true, rule: (rule) => ({ ...rule, level: 'replayed' }) },
        focus: { faults: ['flip'], rule: ruled({ level: 'verified' }) },
      };
    case 'syncLies':
      return {
        hostBugs: { syncLies: true },
        focus: { rule: ruled({ level: 'durable' }), ownLog: 'durable' },
      };
    case 'quorumOfOne':
      return {
        hostBugs: { rule: (rule) => ({ ...rule, quorum: 1 }) },
        focus: { backupsWanted: 2, rule: ruled({ quorum: 2 }) },
      };
    case 'goesOnAlone':
      return {
        hostBugs: { rule: (rule) => ({ ...rule, onLoss: 'continue' }) },
        focus: { rule: ruled({ onLoss: 'stop' }) },
      };
    case 'electionAlone':
      return {
        hostBugs: NONE,
        tap: tellsAll,
        focus: {
          backupsWanted: 2,
          faults: ['cutOneWay', 'cutBothWays'],
          rule: ruled({ quorum: 1 }),
        },
      };
    case 'handsOverUnsynced':
      return { hostBugs: { syncLies: true }, focus: { faults: ['switchover'] } };
    case 'hiddenNamed':
      return { hostBugs: NONE, tap: seemsOpen };
  }
}

function ruled(rule: Partial<AckRule>): AckRule {
  return { ...DEFAULT_RULE, ...rule };
}
