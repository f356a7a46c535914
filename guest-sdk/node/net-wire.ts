/**
 * One connection of the device as a socket uses it: writing in pieces within the credit, pausing
 * input, staying alive while it is open. Knows nothing of streams.
 */

import { NET_OPTION } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { handleClosed, handleOpened } from '../loop.ts';

/** Largest write handed to the device at once; keeps one output record small. */
const WRITE_BYTES_MAX = 65_536;

export class Wire {
  readonly id: number;
  /** What Node shows as the file descriptor of a handle without one. */
  readonly fd = -1;
  bytesRead = 0;
  bytesWritten = 0;
  /** Input is delivered. */
  reading = true;
  /** Told when input is wanted again. */
  onReading: (() => void) | undefined;
  #open = true;
  #counted = false;
  #rest: Uint8Array | undefined;
  #restOffset = 0;
  #whenDrained: (() => void) | undefined;
  #lastLength = 0;
  #inputEnded = false;
  #whenClosed: (() => void) | undefined;

  constructor(id: number, referenced: boolean) {
    this.id = id;
    if (referenced) this.ref();
  }

  /**
   * The peer sends no more: as in Node, a connection that nothing can come from and nothing waits to
   * be written to does not keep the guest alive.
   */
  inputEnded(): void {
    this.#inputEnded = true;
    if (!this.writing) this.unref();
  }

  ref(): void {
    if (this.#counted || !this.#open || this.#inputEnded) return;
    this.#counted = true;
    handleOpened();
  }

  unref(): void {
    if (!this.#counted) return;
    this.#counted = false;
    handleClosed();
  }

  hasRef(): boolean {
    return this.#counted;
  }

  getAsyncId(): number {
    return this.id;
  }

  setReading(on: boolean): void {
    if (this.reading === on || !this.#open) return;
    this.reading = on;
    traps.netFlow(this.id, on ? 1 : 0);
    if (on) this.onReading?.();
  }

  /** Writes all of a buffer the caller will not change. True when the credit lasted. */
  writeBuffer(
    buffer: ArrayBuffer,
    offset: number,
    length: number,
    whenDrained: () => void,
  ): boolean {
    this.bytesWritten += length;
    this.#lastLength = length;
    let credit = 1;
    if (length <= WRITE_BYTES_MAX) credit = traps.netWrite(this.id, buffer, offset, length);
    else {
      this.#rest = new Uint8Array(buffer, offset, length);
      this.#restOffset = 0;
      credit = this.#writeRest();
    }
    if (credit > 0 && this.#rest === undefined) return true;
    this.#whenDrained = whenDrained;
    return false;
  }

  #writeRest(): number {
    let credit = 1;
    const rest = this.#rest;
    if (rest === undefined) return credit;
    while (credit > 0 && this.#restOffset < rest.byteLength) {
      const length = Math.min(WRITE_BYTES_MAX, rest.byteLength - this.#restOffset);
      const at = rest.byteOffset + this.#restOffset;
      credit = traps.netWrite(this.id, rest.buffer as ArrayBuffer, at, length);
      this.#restOffset += length;
    }
    if (this.#restOffset === rest.byteLength) this.#rest = undefined;
    return credit;
  }

  drained(): void {
    if (!this.#open || this.#whenDrained === undefined) return;
    if (this.#rest !== undefined && (this.#writeRest() <= 0 || this.#rest !== undefined)) return;
    const done = this.#whenDrained;
    this.#whenDrained = undefined;
    if (this.#inputEnded) this.unref();
    done();
  }

  get writing(): boolean {
    return this.#whenDrained !== undefined;
  }

  /** Length of the write whose `whenDrained` is outstanding. */
  get bytesInFlight(): number {
    return this.#whenDrained === undefined ? 0 : this.#lastLength;
  }

  end(): void {
    if (this.#open) traps.netEnd(this.id);
  }

  /** Ends both directions. The device answers with netClose; until then the guest stays alive. */
  destroy(options: { readonly reset: boolean }): void {
    if (!this.#open) return;
    // As in Node, what is being closed keeps the process alive, referenced or not.
    if (!this.#counted) handleOpened();
    this.#counted = true;
    this.#open = false;
    this.#rest = undefined;
    this.#whenDrained = undefined;
    traps.netDestroy(this.id, options.reset ? 1 : 0);
  }

  /** What programs call that go past the socket. */
  close(callback?: () => void): void {
    this.#whenClosed = callback;
    this.destroy({ reset: false });
  }

  /** netClose has arrived: nothing more comes from this connection. */
  gone(): void {
    this.#open = false;
    this.unref();
    const then = this.#whenClosed;
    this.#whenClosed = undefined;
    then?.();
  }

  get isOpen(): boolean {
    return this.#open;
  }

  setNoDelay(on: boolean): number {
    if (this.#open) traps.netOption(this.id, NET_OPTION.noDelay, on ? 1 : 0);
    return 0;
  }

  /** The device has no say in when the host begins to probe: `_delay` is for those who replace this. */
  setKeepAlive(on: boolean, _delay?: number): number {
    if (this.#open) traps.netOption(this.id, NET_OPTION.keepAlive, on ? 1 : 0);
    return 0;
  }
}
