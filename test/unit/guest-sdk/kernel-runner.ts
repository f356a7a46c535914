/**
 * Runs the same script in the real Node and in a machine, and makes what they print comparable. The
 * machine gets a network of its own: a loopback in virtual time, as real sockets would be races.
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
import { GuestLoadError } from '../../../hypervisor/host/guest-load-error.ts';
import type { NetOutput } from '../../../hypervisor/ports.ts';
import {
  INTERRUPT,
  type InterruptKind,
  NET_ERRORS,
  type NetAddress,
} from '../../../log-format/index.ts';
import { GuestRunner } from '../../support/guest-runner.ts';
import { sharedDir } from '../../support/shared-dir.ts';

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null | undefined;
}

const directory = sharedDir('hv-kernel-');

/** Writes scripts into the test's directory; the path of the first. */
export function scripts(files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return join(directory, Object.keys(files)[0] ?? '');
}

/**
 * Without what nobody promises: Node's own frames, its process id, and the receiver V8 sometimes puts
 * before a function's name.
 */
function comparable(text: string): string {
  const kept: string[] = [];
  for (const line of text.split('\n')) {
    const isInternal = /^\s+at .*\bnode:/.test(line) || line.includes('lines matching cause');
    if (!isInternal) kept.push(line);
    // The last frame carries the brace that opens an error's further fields.
    else if (line.endsWith(' {')) kept.push(`${kept.pop() ?? ''} {`);
  }
  return kept
    .join('\n')
    .replace(/ at process\.<anonymous> \((.*)\)$/gm, ' at $1')
    .replaceAll(' at process.', ' at ')
    .replace(/\(node:\d+\)/g, '(node:PID)')
    .replaceAll(process.version, 'vNODE')
    .replaceAll('v20.20.2', 'vNODE');
}

export function runInNode(file: string, args: readonly string[] = []): Ran {
  const env = { PATH: process.env.PATH ?? '' };
  const child = spawnSync(process.execPath, [file, ...args], {
    cwd: dirname(file),
    encoding: 'utf8',
    env,
    input: '',
    timeout: 20_000,
  });
  return { stdout: comparable(child.stdout), stderr: comparable(child.stderr), code: child.status };
}

export async function runInGuest(file: string, args: readonly string[] = []): Promise<Ran> {
  try {
    const image = await bundleGuest(file, { cwd: dirname(file) });
    const guest = new LoopbackGuest(new GuestRunner(image.code, image.sourceMap));
    guest.runner.boot({ argv: ['/usr/bin/node', file, ...args], cwd: dirname(file) });
    guest.run();
    const { stdout, stderr, exitCode } = guest.runner;
    return { stdout: comparable(stdout), stderr: comparable(stderr), code: exitCode };
  } catch (error) {
    if (!(error instanceof GuestLoadError)) throw error;
    return { stdout: '', stderr: comparable(error.text), code: error.exitCode };
  }
}

interface End {
  readonly id: number;
  readonly peer: number;
  ended: boolean;
  gone: boolean;
}

interface Pending {
  readonly kind: InterruptKind;
  readonly id: number;
  readonly num?: number;
  readonly payload?: Uint8Array;
}

const NETWORK_ROUNDS_MAX = 20_000;
const CHUNK_BYTES = 65_536;
const errorIndex = (name: (typeof NET_ERRORS)[number]): number => NET_ERRORS.indexOf(name);

/** A machine whose listeners and connections meet each other. */
export class LoopbackGuest {
  readonly runner: GuestRunner;
  #seen = 0;
  readonly #pending: Pending[] = [];
  readonly #listeners = new Map<number, NetAddress>();
  readonly #ends = new Map<number, End>();
  #acceptedNext = 2;
  #portNext = 40_000;

  constructor(runner: GuestRunner) {
    this.runner = runner;
  }

  /** Until the guest exits or waits for something that can never happen here. */
  run(): void {
    for (let round = 0; round < NETWORK_ROUNDS_MAX && this.runner.exitCode === undefined; round++) {
      this.#takeOutputs();
      const next = this.#pending.shift();
      const before = this.runner.records.length;
      if (next) {
        const { num = 0, payload } = next;
        const fields = payload ? { id: next.id, num, payload } : { id: next.id, num };
        this.runner.interrupt(next.kind, fields);
      } else this.runner.run(1);
      if (this.runner.records.length === before) return;
    }
  }

  #takeOutputs(): void {
    const { outputs } = this.runner;
    for (; this.#seen < outputs.length; this.#seen++) {
      const output = outputs[this.#seen];
      if (output?.device === 'net') this.#act(output);
    }
  }

  #push(
    kind: InterruptKind,
    id: number,
    rest: { num?: number; json?: object; bytes?: Uint8Array } = {},
  ): void {
    const payload = rest.json ? new TextEncoder().encode(JSON.stringify(rest.json)) : rest.bytes;
    const num = rest.num ?? 0;
    this.#pending.push(payload ? { kind, id, num, payload } : { kind, id, num });
  }

  #act(output: NetOutput): void {
    switch (output.op) {
      case 'listen':
        this.#listen(output.id, output.port);
        return;
      case 'unlisten':
        this.#listeners.delete(output.id);
        this.#push(INTERRUPT.netUnbound, output.id);
        return;
      case 'connect':
        this.#connect(output.id, output.port);
        return;
      case 'write':
        this.#write(output.id, output.bytes);
        return;
      case 'end':
        this.#end(output.id);
        return;
      case 'destroy':
        this.#destroy(output.id, output.reset);
        return;
      default:
        return;
    }
  }

  #listen(id: number, wanted: number): void {
    const taken = [...this.#listeners.values()].some(({ port }) => port === wanted);
    if (taken) {
      this.#push(INTERRUPT.netBound, id, { num: errorIndex('EADDRINUSE') });
      return;
    }
    const port = wanted === 0 ? this.#portNext++ : wanted;
    const address: NetAddress = { address: '127.0.0.1', family: 'IPv4', port };
    this.#listeners.set(id, address);
    this.#push(INTERRUPT.netBound, id, { json: address });
  }

  #connect(id: number, port: number): void {
    const listener = [...this.#listeners].find(([, address]) => address.port === port);
    if (!listener) {
      this.#push(INTERRUPT.netClose, id, { num: errorIndex('ECONNREFUSED') });
      return;
    }
    const [listenerId, local] = listener;
    const accepted = this.#acceptedNext;
    this.#acceptedNext += 2;
    const far: NetAddress = { address: '127.0.0.1', family: 'IPv4', port: this.#portNext++ };
    this.#ends.set(id, { id, peer: accepted, ended: false, gone: false });
    this.#ends.set(accepted, { id: accepted, peer: id, ended: false, gone: false });
    this.#push(INTERRUPT.netAccept, accepted, { num: listenerId, json: { peer: far, local } });
    this.#push(INTERRUPT.netConnected, id, { json: { peer: local, local: far } });
  }

  #write(id: number, bytes: Uint8Array): void {
    const end = this.#ends.get(id);
    if (!end) return;
    for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
      this.#push(INTERRUPT.netData, end.peer, { bytes: bytes.slice(at, at + CHUNK_BYTES) });
    }
    this.#push(INTERRUPT.netDrain, id, { num: bytes.byteLength });
  }

  #end(id: number): void {
    const end = this.#ends.get(id);
    const peer = end && this.#ends.get(end.peer);
    if (!end || !peer || end.ended) return;
    end.ended = true;
    this.#push(INTERRUPT.netEnd, peer.id);
    if (!peer.ended) return;
    for (const done of [end, peer]) this.#close(done, 0);
  }

  #destroy(id: number, reset: boolean): void {
    const end = this.#ends.get(id);
    const peer = end && this.#ends.get(end.peer);
    if (end && peer && !peer.gone) {
      if (reset) this.#close(peer, errorIndex('ECONNRESET'));
      else this.#end(id);
    }
    if (end) this.#close(end, 0);
    // Refused by the guest before anything was known about it here.
    else this.#push(INTERRUPT.netClose, id);
  }

  #close(end: End, error: number): void {
    if (end.gone) return;
    end.gone = true;
    this.#push(INTERRUPT.netClose, end.id, { num: error });
  }
}
