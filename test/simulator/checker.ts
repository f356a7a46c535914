/**
 * Watches a history from outside, knowing everything the replicas cannot: what each log holds, what
 * the arbiter decided, what left. It asks nothing of the code under test.
 */

import { defined } from '../../hypervisor/base/assert.ts';
import type { Output } from '../../hypervisor/ports.ts';
import {
  type AckLevel,
  type AckRule,
  needsReplay,
  quorumOf,
} from '../../hypervisor/protocol/ack-level.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import { asLsn, type EncodedBatch } from '../../log-format/index.ts';
import { getUint32 } from './bytes.ts';
import { backupsNeeded, DEFAULT_RULE } from './protection.ts';
import { splitterBehind } from './replayed-copy.ts';
import { causeOf, type MachineKind, type SimMachine } from './sim-machine.ts';
import { type SimStore, STARTED_AT } from './sim-store.ts';
import type { World } from './world.ts';

/** More epochs than a history can have: makes one number of (lsn, epoch). */
const EPOCHS_MAX = 4_096;

/** A record by its name. */
interface Cause {
  readonly lsn: number;
  readonly epoch: number;
}

interface Written {
  readonly bytes: Uint8Array;
  /** Epoch of the record before the batch. */
  readonly epochBefore: number;
}

export class Checker {
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #machines: MachineKind;
  readonly #rule: AckRule;
  /** Every copy of the log a replica has had, newest last. */
  readonly #stores = new Map<string, SimStore[]>();
  readonly #releasers = new Map<number, string>();
  readonly #lines = new Map<number, number>();
  /** What was written under an (lsn, epoch), by whoever was first. */
  readonly #records = new Map<number, Written>();
  /** Newest record whose output has left, as (lsn, epoch). */
  #left = { lsn: 0, epoch: 0 };
  /** The same when a claim that is not decided yet was made, by its token. */
  readonly #claims = new Map<
    string,
    { readonly left: Cause; readonly log: SimStore | undefined }
  >();
  /** What who has won the newest view had of the log when it claimed: it may have died, and be back with less. */
  #won: SimStore | undefined;
  /** Who has stopped the guest for good. */
  #stopped: string | undefined;
  view: View | undefined;
  /** The guest is being stopped: by its operator, or because it has ended. */
  stopping = false;
  /** A switchover has ended with somebody who is not there any more: nobody else may go on. */
  givenToDead = false;
  released = 0;

  constructor(world: World, machines: MachineKind, rule: AckRule = DEFAULT_RULE) {
    this.#world = world;
    this.#machines = machines;
    this.#rule = rule;
  }

  fail(what: string): void {
    this.violations.push(what);
    this.#world.note('checker', `VIOLATION ${what}`);
  }

  opened(name: string, store: SimStore): void {
    const stores = this.#stores.get(name) ?? [];
    stores.push(store);
    this.#stores.set(name, stores);
  }

  /** Equal names, equal bytes, equal pasts: a log is a path in one tree, whoever holds it. */
  appended(batch: EncodedBatch, epochBefore: number): void {
    const { bytes, epoch, firstLsn, lastLsn } = batch;
    if (epoch < epochBefore) this.fail(`epoch ${epoch} is written behind epoch ${epochBefore}`);
    for (let lsn = firstLsn as number; lsn <= lastLsn; lsn++) {
      const name = lsn * EPOCHS_MAX + epoch;
      const had = this.#records.get(name);
      if (had === undefined) {
        this.#records.set(name, { bytes, epochBefore });
        continue;
      }
      const same = had.bytes === bytes || Buffer.compare(had.bytes, bytes) === 0;
      if (!same || had.epochBefore !== epochBefore) {
        this.fail(`lsn ${lsn} of epoch ${epoch} is not the same everywhere`);
        return;
      }
    }
  }

  /** `name` has a claim under way, which the arbiter may decide when its process is long dead. */
  claimed(token: string, name: string): void {
    if (this.#claims.has(token)) return;
    this.#claims.set(token, { left: this.#left, log: this.#stores.get(name)?.at(-1) });
  }

  /** Only who was in the view before may lead the next one (rule 1 of primary/backup replication). */
  decided(view: View, before: View | undefined, winner: string, token: string): void {
    const last = this.view;
    const handsOver = before?.primary === winner && before.backups.includes(view.primary);
    if (view.primary !== winner && !handsOver) this.fail(`${winner} claims for ${view.primary}`);
    if (last !== undefined && view.epoch <= last.epoch) this.fail(`epoch ${view.epoch} is reused`);
    if (before !== undefined) {
      if (view.epoch !== before.epoch + 1) this.fail('an epoch was skipped');
      const entitled = view.primary === before.primary || before.backups.includes(view.primary);
      if (!entitled) this.fail(`${view.primary} leads a view it had no part in before`);
    }
    // A claim that was under way when its own claimant stopped changes nothing.
    if (this.#stopped !== undefined && this.#stopped !== winner)
      this.fail(`${winner} wins a view after ${this.#stopped} had stopped the guest`);
    this.view = view;
    const claim = this.#claims.get(token);
    this.#claims.delete(token);
    this.#won = claim?.log;
    this.#holdsAllThatLeft(view.primary, handsOver ? 'is given' : 'wins');
    this.#hasQuorum(view);
    // Whoever is new to it needs to have what had left before; later, a quorum may do without it.
    const claimed = claim?.left ?? this.#left;
    for (const name of view.backups)
      if (!last?.backups.includes(name)) this.#holdsAllThatLeft(name, 'is named in', claimed);
  }

  /** A view of which as many have all that has left as outputs wait for: one of any election has it. */
  #hasQuorum({ epoch, primary, backups }: View): void {
    if (this.#left.lsn === 0) return;
    const holding = backups.filter((name) => this.#holds(name, this.#left, 'received'));
    if (holding.length < quorumOf(this.#rule, backups.length))
      this.fail(
        `view ${epoch} of ${primary} names [${backups.join(' ')}], of whom [${holding.join(' ')}] have lsn ${this.#left.lsn}`,
      );
  }

  /** Who may lead, now or next, must have the cause of everything that has left: else it is lost. */
  #holdsAllThatLeft(
    name: string,
    how: 'wins' | 'is given' | 'is named in',
    { lsn, epoch }: Cause = this.#left,
  ): void {
    // Without acks nothing is promised of what has left but what was reported as lag (`reported`).
    const promised = this.#rule.level !== 'async' || how === 'is given';
    if (lsn === 0 || !promised) return;
    // Who is named may have died since it acknowledged, and come back with less: it will not claim. Who
    // is given a view may have died since, too, and has on its disk what it needs to go on.
    const stores = this.#stores.get(name) ?? [];
    const own = this.#won === undefined ? stores.slice(-1) : [this.#won];
    const meant = how === 'wins' ? own : stores;
    const least = how === 'is given' ? lsn : 0;
    if (meant.some((store) => store.epochs[lsn] === epoch && store.lsnSynced >= least)) return;
    this.fail(`${name} ${how} a view without lsn ${lsn} of epoch ${epoch}, whose output has left`);
  }

  /** A stop that every needed backup has confirmed is the end. */
  stopped(name: string, confirmed: boolean): void {
    if (!this.stopping) this.fail(`${name} stops, and nobody wanted it`);
    if (confirmed && this.view?.primary === name) this.#stopped ??= name;
  }

  /** A backup was told that it is in no view any more, and will not lead. It may be the only one. */
  gaveUp(name: string): void {
    if (this.view?.backups.includes(name))
      this.fail(`${name} gives up its place in the view that is in force`);
  }

  /** A primary gave up because another leads; if it leads itself, nobody does. */
  fenced(name: string, resumed: boolean): void {
    const { view } = this;
    if (!resumed && view?.primary === name && view.backups.length === 0)
      this.fail(`${name} is fenced by its own ${view.epoch}`);
  }

  /** `store` and `epoch` are the releasing primary's own. */
  outputLeft(name: string, epoch: number, store: SimStore, output: Output): void {
    this.released += 1;
    const lsn = causeOf(output);
    if (lsn === undefined) {
      this.fail('an output without a cause');
      return;
    }
    if (epoch === 0) this.fail(`${name} lets an output out and leads no view`);
    const releaser = this.#releasers.get(epoch) ?? name;
    this.#releasers.set(epoch, releaser);
    if (releaser !== name) this.fail(`${name} and ${releaser} both release in epoch ${epoch}`);
    const written = store.epochs[lsn];
    const { view } = this;
    if (written === undefined || view === undefined) {
      this.fail(`an output of lsn ${lsn} that is not logged`);
      return;
    }
    this.#isSafe(name, store, { lsn, epoch: written }, view);
    if (view.primary === name && lsn > this.#left.lsn) this.#left = { lsn, epoch: written };
    this.#line(output);
  }

  /** As safe as the rule of the run promises, by what the arbiter knows, whatever the primary believes. */
  #isSafe(name: string, store: SimStore, cause: Cause, view: View): void {
    const { level } = this.#rule;
    this.#count();
    const { lsn, epoch } = cause;
    const what = `${name} released lsn ${lsn} of epoch ${epoch}`;
    // Whoever begins again from that file knows what was answered.
    if (store.lsnWritten < lsn) this.fail(`${what}, not in its own file`);
    if (level === 'async') return;
    if (view.primary !== name) {
      // Deposed, and has not heard of it: who leads now must have it.
      if (!this.#holds(view.primary, cause, 'received'))
        this.fail(`${what}, which ${view.primary} does not hold`);
      return;
    }
    const { backups } = view;
    const holding = backups.filter((peer) => this.#holds(peer, cause, level));
    if (holding.length < quorumOf(this.#rule, backups.length))
      this.fail(
        `${what}, which only [${holding.join(' ')}] of [${backups.join(' ')}] have ${level}`,
      );
    if (level === 'durable' && store.lsnSynced < lsn) this.fail(`${what}, not on its own disk`);
    const others = [...this.#stores.keys()].filter((peer) => peer !== name);
    const vouching = others.filter((peer) => this.#holds(peer, cause, level)).length;
    if (vouching < backupsNeeded(this.#rule))
      this.fail(`${what}, which ${vouching} backups vouch for, and it was to stop`);
  }

  #count(): void {
    const { coverage } = this.#world;
    const { level, quorum, onLoss } = this.#rule;
    if (level !== 'received') coverage.count(`rule.${level}`);
    if (quorum > 0) coverage.count('rule.quorum');
    if (onLoss === 'stop') coverage.count('rule.stop');
  }

  /** Of any life of `peer`: who has died since may have acknowledged it. */
  #holds(peer: string, { lsn, epoch }: Cause, level: AckLevel): boolean {
    const stores = this.#stores.get(peer) ?? [];
    return stores.some((store) => {
      if (store.epochs[lsn] !== epoch) return false;
      if (level === 'durable') return store.lsnSynced >= lsn;
      return !needsReplay(level) || store.lsnReplayed >= lsn;
    });
  }

  /** What a dead primary had heard of a winner's log is all that may be taken for safe. */
  reported(winner: string, lsnAcked: number): void {
    const has = (this.#won ?? this.#stores.get(winner)?.at(-1))?.lsnLast ?? 0;
    if (has < lsnAcked)
      this.fail(`${winner} wins with the log to lsn ${has}, and ${lsnAcked} was acknowledged`);
  }

  /** A numbered line may be printed again after a failover, but never with another text. */
  #line(output: Output): void {
    // What is lost of an unprotected past may come again in another way.
    if (output.device !== 'console' || this.#rule.level === 'async') return;
    const number = getUint32(output.bytes, 0);
    const text = getUint32(output.bytes, 4);
    const had = this.#lines.get(number);
    if (had === undefined) {
      this.#lines.set(number, text);
      if (number > 1 && !this.#lines.has(number - 1)) this.fail(`line ${number - 1} is lost`);
    } else if (had !== text) this.fail(`line ${number} was printed with two texts`);
  }

  /** A log must give, from scratch, the machine its owner has. */
  replays(store: SimStore, machine: SimMachine): void {
    const { origin } = store;
    const world = { wall: () => STARTED_AT, resync: () => undefined };
    const fresh =
      origin === undefined
        ? this.#machines.build(world)
        : defined(this.#machines.restore?.(world, origin.machine), 'a saved machine is restored');
    const splitter = splitterBehind(origin);
    for (const batch of store.decoded(origin?.lsn ?? asLsn(0))) {
      for (const group of splitter.push(batch)) {
        fresh.replay(group, (_result, divergence) => {
          if (divergence !== undefined) this.fail(`the log diverges at lsn ${divergence.lsn}`);
        });
      }
    }
    const tail = splitter.tail();
    if (tail !== undefined) fresh.settle(tail, () => {});
    if (fresh.fingerprint !== machine.fingerprint)
      this.fail('the log does not give the machine that wrote it');
  }
}
