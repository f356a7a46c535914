/**
 * The guest's end of the boundary: the host functions a machine hands to the firmware at boot, one
 * per trap of log-format/abi.ts. Guest code never sees this object; the firmware closes over it.
 */

export interface Traps {
  now(): number;
  alarm(atMicros: number): void;
  entropy(length: number): ArrayBuffer;
  consoleWrite(fd: number, buffer: ArrayBuffer, offset: number, length: number): void;
  exit(code: number): void;
  stdinFlow(on: number): void;
  signalListen(signal: number, on: number): void;
  netListen(
    port: number,
    backlog: number,
    hostBuffer: ArrayBuffer,
    hostOffset: number,
    hostLength: number,
  ): number;
  netUnlisten(listener: number): void;
  netConnect(port: number, hostBuffer: ArrayBuffer, hostOffset: number, hostLength: number): number;
  netWrite(connection: number, buffer: ArrayBuffer, offset: number, length: number): number;
  netEnd(connection: number): void;
  netDestroy(connection: number, reset: number): void;
  netFlow(connection: number, on: number): void;
  netOption(connection: number, option: number, value: number): void;
  preempt(atMicros: number): void;
  commit(level: number): number;
  position(): number;
  report(topic: number, value: number, text: string): void;
  /** See DISK of log-format/abi.ts. */
  disk(
    op: number,
    a: number,
    b?: number,
    c?: number | string,
    d?: number | string | ArrayBuffer,
    e?: ArrayBuffer,
    f?: number,
    g?: number,
  ): number;
  encode(text: string, encoding: number): ArrayBuffer;
  decode(buffer: ArrayBuffer, offset: number, length: number, encoding: number): string;
  byteLength(text: string): number;
  mapStack(text: string): string;
  sourceLine(fileAndLine: string): string;
}

/** Set once by the firmware's `start`, before any other module of the firmware runs a trap. */
export let traps: Traps;

export function installTraps(given: Traps): void {
  traps = given;
}
