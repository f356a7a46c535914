/** `node:child_process`: a guest is one process, so every start fails, each in its own way. */

import { EventEmitter } from './events.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType } from './node-errors.ts';
import { markRefused, refusal } from './refusals.ts';
import { exported as stream } from './stream.ts';
import type { EmitterLike } from './stream-types.ts';
import { validateString } from './validators.ts';

const INSTEAD = 'a second guest or a service, and talk to it over node:net,';
const ENOSYS = -38;
const promisifyCustom = Symbol.for('nodejs.util.promisify.custom');

interface SpawnError extends Error {
  errno: number;
  syscall: string;
  path: string;
  spawnargs: readonly unknown[];
}

interface Command {
  readonly file: string;
  readonly args: readonly unknown[];
  readonly callback: unknown;
}

function errorOf(name: string, { file, args }: Command): SpawnError {
  const error = refusal('child_process', name, INSTEAD) as SpawnError;
  error.errno = ENOSYS;
  error.syscall = `${name.endsWith('Sync') ? 'spawnSync' : 'spawn'} ${file}`;
  error.path = file;
  error.spawnargs = args;
  return error;
}

function commandOf(name: string, given: readonly unknown[]): Command {
  const [file, ...rest] = given;
  validateString(
    file,
    /^exec(?:Sync)?$/.test(name) ? 'command' : name === 'fork' ? 'modulePath' : 'file',
  );
  const [args] = rest;
  const isList = Array.isArray(args);
  if (typeof args === 'string' || typeof args === 'number') {
    throw invalidArgType('args', 'object', args);
  }
  return {
    file,
    args: isList ? args : [],
    callback: rest.find((one) => typeof one === 'function'),
  };
}

interface Child extends EmitterLike {
  [name: string]: unknown;
}

const emitter = EventEmitter as unknown as { prototype: object; call(self: object): void };
const { PassThrough } = stream as unknown as {
  PassThrough: new () => { end(): unknown; destroy(): unknown };
};

/** What a start answers: a process that has failed, its streams at their end. */
export class ChildProcess {
  constructor() {
    emitter.call(this);
    Object.assign(this, {
      _closesNeeded: 1,
      _closesGot: 0,
      connected: false,
      signalCode: null,
      exitCode: null,
      killed: false,
      spawnfile: null,
      pid: undefined,
      stdin: null,
      stdout: null,
      stderr: null,
    });
  }
  kill(): boolean {
    return false;
  }
  ref(): void {}
  unref(): void {}
  disconnect(): void {}
  send(): boolean {
    return false;
  }
}
Object.setPrototypeOf(ChildProcess.prototype, emitter.prototype);
Object.setPrototypeOf(ChildProcess, EventEmitter);

function failed(command: Command, error: SpawnError): Child {
  const child = new ChildProcess() as unknown as Child;
  const streams = [new PassThrough(), new PassThrough(), new PassThrough()];
  const [stdin, stdout, stderr] = streams;
  Object.assign(child, {
    stdin,
    stdout,
    stderr,
    stdio: streams,
    spawnfile: command.file,
    spawnargs: [command.file, ...command.args],
    exitCode: ENOSYS,
  });
  stdin?.destroy();
  stdout?.end();
  stderr?.end();
  kernel().nextTick((() => {
    // As Node does it: an error nobody listens for is thrown.
    child.emit('error', error);
    child.emit('close', ENOSYS, null);
  }) as never);
  return child;
}

function starter(name: string): (...args: unknown[]) => Child {
  return markRefused((...args: unknown[]): Child => {
    const command = commandOf(name, args);
    const error = errorOf(name, command);
    const child = failed(command, error);
    const { callback } = command;
    if (typeof callback === 'function' && name.startsWith('exec')) {
      child.on('error', () => callback(error, '', ''));
    }
    return child;
  }, name);
}

function withPromise(name: string): unknown {
  const start = starter(name);
  const promised = (...args: unknown[]): unknown => {
    let child: unknown;
    const promise = new Promise((_resolve, reject) => {
      child = start(...args, (error: Error) => {
        reject(Object.assign(error, { stdout: '', stderr: '' }));
      });
    });
    return Object.assign(promise, { child });
  };
  Object.defineProperty(start, promisifyCustom, { value: promised });
  return start;
}

function thrower(name: string): unknown {
  return markRefused((...args: unknown[]): never => {
    throw errorOf(name, commandOf(name, args));
  }, name);
}

export const exported: Record<string, unknown> = {
  ChildProcess,
  exec: withPromise('exec'),
  execFile: withPromise('execFile'),
  execFileSync: thrower('execFileSync'),
  execSync: thrower('execSync'),
  fork: starter('fork'),
  spawn: starter('spawn'),
  spawnSync: markRefused((...args: unknown[]): object => {
    const error = errorOf('spawnSync', commandOf('spawnSync', args));
    return { error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null };
  }, 'spawnSync'),
};
