/** `node:net`. */

import { isIP, isIPv4, isIPv6 } from './net-address.ts';
import { type ConnectOptions, normalizeConnect } from './net-arguments.ts';
import { Server } from './net-server.ts';
import { Socket } from './net-socket.ts';
import { validateInteger } from './validators.ts';

function createServer(options?: unknown, listener?: unknown): Server {
  return new Server(options, listener);
}

function connect(...args: unknown[]): Socket {
  const { options } = normalizeConnect(args);
  return new Socket(options as ConnectOptions).connect(...args);
}

let familySelection = true;
let attemptTimeoutMs = 250;

export const exported = {
  connect,
  createConnection: connect,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  Server,
  Socket,
  Stream: Socket,
  /** The host chooses among a name's addresses; the setting is kept for those who read it back. */
  getDefaultAutoSelectFamily: (): boolean => familySelection,
  setDefaultAutoSelectFamily(on: unknown): void {
    familySelection = Boolean(on);
  },
  getDefaultAutoSelectFamilyAttemptTimeout: (): number => attemptTimeoutMs,
  setDefaultAutoSelectFamilyAttemptTimeout(value: unknown): void {
    validateInteger(value, 'value', 1, 2 ** 31 - 1);
    attemptTimeoutMs = Math.max(10, value);
  },
};
