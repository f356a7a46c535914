/** `node:net`. */

import { isIP, isIPv4, isIPv6 } from './net-address.ts';
import { type ConnectOptions, normalizeConnect } from './net-arguments.ts';
import { familySelection } from './net-lookup.ts';
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
  getDefaultAutoSelectFamily: (): boolean => familySelection.on,
  setDefaultAutoSelectFamily(on: unknown): void {
    familySelection.on = Boolean(on);
  },
  getDefaultAutoSelectFamilyAttemptTimeout: (): number => familySelection.attemptTimeoutMs,
  setDefaultAutoSelectFamilyAttemptTimeout(value: unknown): void {
    validateInteger(value, 'value', 1, 2 ** 31 - 1);
    familySelection.attemptTimeoutMs = Math.max(10, value);
  },
};
