/** What the files of `node:http` know of each other's objects. */

import type { HttpParser } from './http-parser.ts';
import type { DuplexStream } from './stream-types.ts';

/** A socket that carries HTTP. Any Duplex may be one; sockets of node:net have the rest. */
export interface HttpSocket extends DuplexStream {
  readonly writableHighWaterMark: number;
  readonly writableNeedDrain?: boolean;
  readonly connecting?: boolean;
  readonly encrypted?: boolean;
  timeout?: number;
  server?: unknown;
  parser?: HttpParser | null;
  /** The response (of a server) or request (of a client) that is on this socket. */
  _httpMessage?: unknown;
  _httpReadStart?: () => void;
  _paused?: boolean;
  cork(): void;
  uncork(): void;
  setTimeout?(ms: number, callback?: () => void): unknown;
  setNoDelay?(on?: boolean): unknown;
  setKeepAlive?(on?: boolean, delay?: number): unknown;
  ref?(): unknown;
  unref?(): unknown;
}
