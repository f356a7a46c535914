/**
 * Failovers of a protected pair under load, one after the other: by kill -9, by SIGSTOP as a machine
 * that hangs, by a network that turns into a blackhole. Every answer is recorded and judged: a fast
 * failover that loses one is worth nothing.
 *
 * They come in parts. A part is a pair of its own with a history of its own, so that neither the log
 * that each fresh backup replays nor the history grows for ever, and a long run can be cut anywhere.
 */

import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { type Phase, phasesAfter } from '../hypervisor/cli/demo/failover-report.ts';
import { HostClock } from '../hypervisor/host/clock.ts';
import { mustBeFenced } from '../test/chaos/expect.ts';
import { Trial as Lives } from '../test/chaos/trial.ts';
import { isSynced, type Member, WAIT_MS } from '../test/support/cluster.ts';
import { type RecordingClients, within } from '../test/support/recording-clients.ts';

export type Blow = 'kill' | 'stop' | 'blackhole';

export interface Trial {
  readonly blow: Blow;
  /** Who went on: of a blackhole both sides may win the claim, of the others only the backup. */
  readonly winner: 'backup' | 'primary';
  /** Milliseconds from the blow to each phase of the winner; one that did not come is absent. */
  readonly phasesMs: Readonly<Partial<Record<Phase, number>>>;
  /**
   * Longest wait of a client around it. Not of stops: a process that is frozen and woken may still
   * answer what was acknowledged before, and it keeps the guest's port.
   */
  readonly gapMs: number | undefined;
  /** From the end of the failover until a fresh backup was in the view: without redundancy. */
  readonly protectedMs: number;
}

export interface PartOptions {
  readonly blows: readonly Blow[];
  readonly clients: number;
  /** Mean pause of each client between an answer and its next request. */
  readonly paceMs: number;
  readonly detect: string;
  /** Load between a pair that is in step and the blow: from this, and up to half as much more. */
  readonly settleMs: number;
  readonly seed: number;
  readonly onTrial: (trial: Trial) => void;
}

export interface Part {
  readonly trials: readonly Trial[];
  readonly answered: number;
  /** Requests whose outcome the blow left open; each was found done once or not at all. */
  readonly unknown: number;
  /** Times a pair came apart, or a newcomer was given up, although nobody had touched it. */
  readonly backupsDropped: number;
  readonly seconds: number;
}

/** All blows in an order by chance, cut into parts. */
export function planOf(
  counts: Readonly<Record<Blow, number>>,
  options: { readonly partSize: number; readonly seed: number },
): Blow[][] {
  const all = (Object.entries(counts) as [Blow, number][]).flatMap(([blow, count]) =>
    Array<Blow>(count).fill(blow),
  );
  const chance = new Chance(options.seed);
  for (let left = all.length; left > 1; left -= 1) {
    const at = chance.below(left);
    const [one, other] = [all[left - 1], all[at]];
    if (one !== undefined && other !== undefined) [all[left - 1], all[at]] = [other, one];
  }
  const parts: Blow[][] = [];
  for (let at = 0; at < all.length; at += options.partSize)
    parts.push(all.slice(at, at + options.partSize));
  return parts;
}

/**
 * Rejects unless each failover came, nothing was lost or doubled, and the history is linearizable; the
 * directory named in the error is kept then.
 */
export async function runPart(options: PartOptions): Promise<Part> {
  const { detect, seed } = options;
  const lives = await Lives.start({ detect, seed });
  try {
    const part = await new FailoverPart(lives, options).run();
    await lives.close();
    return part;
  } catch (error) {
    const dir = await lives.close({ keep: true });
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${text}\nlogs and history are kept in ${dir}`, { cause: error });
  }
}

class FailoverPart {
  readonly #lives: Lives;
  readonly #options: PartOptions;
  readonly #clock = new HostClock();
  readonly #clients: RecordingClients;
  readonly #startedAt = performance.now();
  #spare: Promise<Member>;
  #dropped = 0;

  constructor(lives: Lives, options: PartOptions) {
    this.#lives = lives;
    this.#options = options;
    const { clients, paceMs } = options;
    this.#clients = lives.clients({ clients, paceMs });
    this.#spare = lives.cluster.startBackup();
  }

  async run(): Promise<Part> {
    const { chance } = this.#lives;
    const { blows, settleMs, onTrial } = this.#options;
    const trials: Trial[] = [];
    await this.#lives.cluster.caughtUp(this.#lives.backup);
    for (const blow of blows) {
      await sleep(settleMs * (1 + chance.next() / 2));
      const { primary, backup } = await this.#pair();
      const trial = await this.#strike(primary, backup, blow);
      trials.push(trial);
      onTrial(trial);
    }
    // One that is still starting must not outlive the part.
    await this.#spare;
    const { answered, unknown } = await this.#lives.judge();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return { trials, answered, unknown, backupsDropped: this.#dropped, seconds };
  }

  /**
   * On a machine that is too busy a primary may give its backup up, or a backup take over from a primary
   * that was only late. Both are safe; a blow before there are two again would be one failure too many.
   */
  async #pair(): Promise<{ primary: Member; backup: Member }> {
    const { cluster } = this.#lives;
    for (;;) {
      const primary = await cluster.solePrimary();
      const backup = cluster.backupOf(primary);
      if (backup !== undefined && (await this.#alone(primary, backup))) return { primary, backup };
      if (backup !== undefined) continue;
      this.#dropped += 1;
      cluster.note(`${primary.name} is alone without a blow`);
      await cluster.caughtUp(await this.#protect(primary));
    }
  }

  /** Kills whoever else follows: one that was given up on a busy machine and dialled again is a third replica. */
  async #alone(primary: Member, backup: Member): Promise<boolean> {
    const { cluster } = this.#lives;
    const others = cluster.members.filter(
      (one) =>
        one !== primary && one !== backup && isSynced(one.process.events) && !one.process.over,
    );
    for (const other of others) await cluster.kill(other);
    await cluster.until('one backup', () => backupsInView(primary) <= 1);
    return others.length === 0;
  }

  async #strike(primary: Member, backup: Member, blow: Blow): Promise<Trial> {
    const { cluster } = this.#lives;
    this.#clients.takeWorstWaitMs();
    const from = new Map([primary, backup].map((one) => [one, one.process.events.length]));
    const struckAt = this.#clock.wall();
    if (blow === 'kill') primary.process.kill('SIGKILL');
    else if (blow === 'stop') primary.process.kill('SIGSTOP');
    else backup.proxy?.blackhole();
    cluster.note(`${blow} of ${primary.name}`);
    const winner = await this.#decided(primary, backup, from);
    if (blow === 'stop') {
      await within(WAIT_MS, primary.process.untilStopped(), 'the primary was not stopped');
      cluster.thaw(primary);
    }
    if (winner === backup && blow !== 'kill') await mustBeFenced(primary);
    if (winner === backup) await cluster.event(backup, 'first.output', from.get(backup));
    else await cluster.kill(backup);
    await within(WAIT_MS, this.#clients.more(2 * this.#options.clients), 'answers afterwards');
    backup.proxy?.heal();
    const gapMs = blow === 'stop' ? undefined : this.#clients.takeWorstWaitMs();
    const phasesMs = phasesAfter(struckAt, winner.process.events.slice(from.get(winner)));
    const bareAt = performance.now();
    const fresh = await this.#protect(winner);
    const protectedMs = performance.now() - bareAt;
    // Until then a takeover takes as long as the machine takes to load and the log to replay.
    await cluster.caughtUp(fresh);
    const who = winner === backup ? 'backup' : 'primary';
    return { blow, winner: who, phasesMs, gapMs, protectedMs };
  }

  /** Which of the two the arbiter let go on. */
  async #decided(
    primary: Member,
    backup: Member,
    from: ReadonlyMap<Member, number>,
  ): Promise<Member> {
    const said = (one: Member, evt: string): boolean =>
      one.process.events.slice(from.get(one)).some((event) => event.evt === evt);
    await this.#lives.cluster.until(
      'a decision',
      () => said(backup, 'live') || said(primary, 'unprotected'),
    );
    return said(backup, 'live') ? backup : primary;
  }

  /**
   * The spare joins, and the next one is started while nobody waits for it. A newcomer that the primary
   * gives up on a busy machine is dialled again by itself, which costs less than a new one.
   */
  async #protect(primary: Member): Promise<Member> {
    const { cluster } = this.#lives;
    const fresh = await this.#spare;
    this.#spare = cluster.startBackup();
    // Whoever awaits it hears of its failure.
    this.#spare.catch(() => undefined);
    await cluster.join(primary, fresh);
    this.#dropped += fresh.process.events.filter(({ evt }) => evt === 'reset').length;
    return fresh;
  }
}

/** By the last view that a primary has told of. */
function backupsInView({ process }: Member): number {
  const view = process.events.findLast((event) => event.view !== undefined)?.view;
  return (view as { readonly backups: readonly string[] } | undefined)?.backups.length ?? 0;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
