/**
 * Runs a scenario file: commands, `----`, and what happened. Times, links and delays are fixed, so
 * the text is the same on every run; read it as the documentation of the protocol.
 *
 *   start a b c     a is primary, the others wait as backups; the clients connect
 *   wants 1         backups a primary looks for (2 if not said)
 *   replay 5        each group takes a backup's machine up to 5 ms; writes 3: an append takes up to 3 ms
 *   calls 500       every second request makes the guest call somebody, who answers after 500 ms
 *   ask 0 [5]       client 0 sends a request, or five, one after the other
 *   run 20          20 ms pass
 *   kill | lose | pause | resume | fresh | restart | stop | corrupt | switchover <host>
 *   cut | cut-one | half-open | break <host> <host>      heal
 *   cut-arbiter <host>  cut-client 0
 *   clock <host> <seconds>  steps its wall clock
 *   arbiter <mood>  asked (how many questions it has had)  messages on|off
 *   quiet on|off    what happens is not printed
 *   forge-ack <primary> <backup> <epoch> <lsn>
 *   forge-hello <backup> <epoch>
 */

import type { Message } from '../../hypervisor/protocol/messages.ts';
import { asEpoch, asLsn } from '../../log-format/index.ts';
import { ackOf, helloOf } from '../support/messages.ts';
import { Checker } from './checker.ts';
import type { Cluster } from './cluster.ts';
import { Edge } from './edge.ts';
import { healAll } from './faults.ts';
import { Host } from './host.ts';
import { Network } from './network.ts';
import { revive } from './operator.ts';
import { DEFAULT_RULE, PLAIN } from './protection.ts';
import { type ArbiterMood, SimArbiter } from './sim-arbiter.ts';
import { CALLING_TOY, TOY } from './toy-machine.ts';
import { type SimProcess, World } from './world.ts';

const SEED = 7;
const CLIENTS = 2;

export class Scenario {
  readonly #world = new World(SEED);
  readonly #cluster: Cluster;
  #messages = true;
  #quiet = false;
  #printed = 0;

  constructor() {
    const world = this.#world;
    world.trace = [];
    const checker = new Checker(world, TOY);
    const tap = (from: SimProcess, message: Message): Message => {
      if (this.#messages) world.note(from.name, `sends ${describe(message)}`);
      return message;
    };
    const edge = new Edge(
      world,
      { clients: CLIENTS, requests: 0, thinkMs: 0, exits: false, resetChance: 0 },
      (what) => checker.fail(what),
    );
    this.#cluster = {
      world,
      network: new Network(world, { delayMs: 1, jitterMs: 0, tap }),
      arbiter: new SimArbiter(world, {
        onClaim: (token, name) => checker.claimed(token, name),
        onView: (view, before, winner, token) => checker.decided(view, before, winner, token),
      }),
      edge,
      checker,
      hosts: new Map(),
      backupsWanted: 2,
      replayMs: 0.2,
      resyncChance: 0,
      checkpointEvery: 0,
      machines: TOY,
      ownLog: 'written',
      detectMs: 40,
      writeMs: 0,
      clock: () => undefined,
      bugs: {},
      rule: DEFAULT_RULE,
      member: () => PLAIN,
      stopped: false,
      calm: false,
    };
  }

  /** Executes one command and returns the lines it brought about. */
  execute(line: string): readonly string[] {
    const [command = '', ...words] = line.split(' ');
    this.#do(command, words);
    const trace = this.#world.trace ?? [];
    const fresh = trace.slice(this.#printed);
    this.#printed = trace.length;
    return this.#quiet ? [] : fresh;
  }

  #do(command: string, words: readonly string[]): void {
    const { network, arbiter, edge, hosts } = this.#cluster;
    const [first = '', second = ''] = words;
    switch (command) {
      case 'start':
        for (const name of words) new Host(this.#cluster, name);
        words.forEach((name, index) => {
          if (index === 0) this.#host(name).startPrimary();
          else this.#host(name).startBackup();
        });
        return;
      case 'wants':
        this.#cluster.backupsWanted = Number(first);
        return;
      case 'writes':
        this.#cluster.writeMs = Number(first);
        return;
      case 'replay':
        this.#cluster.replayMs = Number(first);
        return;
      case 'calls':
        this.#cluster.machines = CALLING_TOY;
        edge.callMs = Number(first);
        return;
      case 'ask':
        for (let count = Number(words[1] ?? 1); count > 0; count--) edge.ask(Number(first));
        return;
      case 'run':
        this.#world.run(this.#world.now + Number(first));
        return;
      case 'kill':
        this.#host(first).crash({ silent: false });
        return;
      case 'lose':
        this.#host(first).crash({ silent: true });
        return;
      case 'pause':
        this.#host(first).process.pause();
        return;
      case 'resume':
        this.#host(first).process.resume();
        return;
      case 'fresh':
        new Host(this.#cluster, first).startBackup();
        return;
      case 'restart':
        revive(this.#cluster, this.#host(first));
        return;
      case 'stop':
        this.#host(first).stop();
        return;
      case 'switchover':
        this.#host(first).primary?.switchOver(undefined);
        return;
      case 'corrupt': {
        const host = this.#host(first);
        host.corrupted = true;
        host.machine?.flip();
        return;
      }
      case 'cut':
        network.cut(this.#host(first).process, this.#host(second).process);
        network.cut(this.#host(second).process, this.#host(first).process);
        return;
      case 'cut-one':
        network.cut(this.#host(first).process, this.#host(second).process);
        return;
      case 'half-open':
        network.halfOpen(this.#host(first).process, this.#host(second).process);
        return;
      case 'cut-arbiter':
        arbiter.unreachable.add(first);
        return;
      case 'cut-client':
        edge.cutOff(Number(first));
        return;
      case 'clock':
        this.#host(first).process.wallSkew += Number(second) * 1_000_000;
        return;
      case 'asked':
        this.#world.note('arbiter', `has been asked ${arbiter.asked} times`);
        return;
      case 'break':
        network.break(this.#host(first).process, this.#host(second).process);
        return;
      case 'heal':
        healAll(this.#cluster);
        edge.reconnect();
        return;
      case 'arbiter':
        arbiter.mood = first as ArbiterMood;
        return;
      case 'quiet':
        this.#quiet = first === 'on';
        return;
      case 'messages':
        this.#messages = first === 'on';
        return;
      case 'forge-ack': {
        const lsn = asLsn(Number(words[3]));
        const handlers = this.#host(first).handlers.get(second);
        const epoch = asEpoch(Number(words[2]));
        handlers?.onMessage(ackOf({ epoch, lsnReceived: lsn, lsnReplayed: asLsn(0) }));
        return;
      }
      case 'forge-hello':
        this.#forgeHello(first, Number(second));
        return;
      default:
        throw new Error(`unknown command '${command}' (hosts: ${[...hosts.keys()].join(' ')})`);
    }
  }

  #forgeHello(name: string, epoch: number): void {
    const handlers = this.#host(name).backup?.accept({
      peer: 'stranger',
      queuedBytes: 0,
      send: (message) => this.#world.note(name, `answers ${describe(message)}`),
      close: () => this.#world.note(name, 'closes the link'),
    });
    const own = { vm: 'toy-00000000', name: 'toy', hvVersion: '0.0.0' };
    handlers?.onMessage(
      helloOf({ ...own, epoch: asEpoch(epoch), primary: 'stranger', backup: name, detectMs: 40 }),
    );
  }

  #host(name: string): Host {
    const host = this.#cluster.hosts.get(name);
    if (host === undefined) throw new Error(`no host '${name}'`);
    return host;
  }
}

function describe(message: Message): string {
  const { type, epoch } = message;
  switch (message.type) {
    case 'batch': {
      const { firstLsn, lastLsn } = message.batch;
      return `batch epoch=${epoch} lsn=${firstLsn}..${lastLsn} released=${message.lsnReleased}`;
    }
    case 'ack':
      return `ack epoch=${epoch} received=${message.lsnReceived} replayed=${message.lsnReplayed}`;
    case 'released':
      return `released epoch=${epoch} lsn=${message.lsnReleased}`;
    case 'refuse':
    case 'bye':
      return `${type} epoch=${epoch} (${message.reason})`;
    default:
      return `${type} epoch=${epoch}`;
  }
}

/** Runs a whole file and returns it with the outputs as they are now. */
export function rerun(text: string): string {
  const scenario = new Scenario();
  const blocks = text.trimEnd().split('\n\n');
  const done = blocks.map((block) => {
    const head = block.split('\n----')[0] ?? '';
    const commands = head.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    if (commands.length === 0) return head;
    const output = commands.flatMap((command) => scenario.execute(command));
    return `${head}\n----\n${output.length > 0 ? output.join('\n') : 'ok'}`;
  });
  return `${done.join('\n\n')}\n`;
}
