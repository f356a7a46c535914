/**
 * Watches a history from outside, knowing everything the replicas cannot: what each log holds, what
 * the arbiter decided, what left. It asks nothing of the code under test.
 */

import type { Output } from '../../hypervisor/ports.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import { GroupSplitter } from '../../hypervisor/replica/group-splitter.ts';
import { decodeBatch, FRAME_HEAD_BYTES } from '../../log-format/index.ts';
import { type SimStore, STARTED_AT } from './sim-store.ts';
import { causeOf, ToyMachine } from './toy-machine.ts';
import type { World } from './world.ts';

export class Checker {
  readonly violations: string[] = [];
  readonly #world: World;
  /** Every copy of the log a replica has had, newest last. */
  readonly #stores = new Map<string, SimStore[]>();
  readonly #releasers = new Map<number, string>();
  readonly #lines = new Map<number, number>();
  view: View | undefined;
  released = 0;

  constructor(world: World) {
    this.#world = world;
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

  /** Only who was in the view before may lead the next one (rule 1 of primary/backup replication). */
  decided(view: View, before: View | undefined): void {
    if (before !== undefined) {
      if (view.epoch !== before.epoch + 1) this.fail('an epoch was skipped');
      const entitled = view.primary === before.primary || before.backups.includes(view.primary);
      if (!entitled) this.fail(`${view.primary} leads a view it had no part in before`);
    }
    this.view = view;
  }

  /** `store` and `epoch` are the releasing primary's own. */
  outputLeft(name: string, epoch: number, store: SimStore, output: Output): void {
    this.released += 1;
    const lsn = causeOf.get(output);
    if (lsn === undefined) {
      this.fail('an output without a cause');
      return;
    }
    const releaser = this.#releasers.get(epoch) ?? name;
    this.#releasers.set(epoch, releaser);
    if (releaser !== name) this.fail(`${name} and ${releaser} both release in epoch ${epoch}`);
    const written = store.epochs[lsn];
    const { view } = this;
    if (written === undefined || view === undefined) {
      this.fail(`an output of lsn ${lsn} that is not logged`);
      return;
    }
    // The line of succession as the arbiter knows it, whatever the releasing primary believes.
    const needed = view.primary === name ? view.backups : [view.primary];
    for (const peer of needed) {
      const stores = this.#stores.get(peer) ?? [];
      if (stores.some((held) => held.epochs[lsn] === written)) continue;
      this.fail(`${name} released lsn ${lsn} of epoch ${written}, which ${peer} does not hold`);
    }
    this.#line(output);
  }

  /** A numbered line may be printed again after a failover, but never with another text. */
  #line(output: Output): void {
    if (output.device !== 'console') return;
    const view = new DataView(output.bytes.buffer, output.bytes.byteOffset);
    const number = view.getUint32(0);
    const text = view.getUint32(4);
    const had = this.#lines.get(number) ?? text;
    this.#lines.set(number, had);
    if (had !== text) this.fail(`line ${number} was printed with two texts`);
  }

  /** A log must give, from scratch, the machine its owner has. */
  replays(store: SimStore, machine: ToyMachine): void {
    const fresh = new ToyMachine();
    const splitter = new GroupSplitter();
    for (const { bytes } of store.batches) {
      for (const group of splitter.push(
        decodeBatch(bytes.subarray(FRAME_HEAD_BYTES), STARTED_AT),
      )) {
        fresh.replay(group, (_result, divergence) => {
          if (divergence !== undefined) this.fail(`the log diverges at lsn ${divergence.lsn}`);
        });
      }
    }
    const tail = splitter.tail();
    if (tail !== undefined) fresh.settle(tail, () => {});
    if (fresh.digest !== machine.digest)
      this.fail('the log does not give the machine that wrote it');
  }
}
