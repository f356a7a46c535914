/** One side of a refeed: what goes into a guest and comes out of it, told to its state and to the comparison. */

import { INTERRUPT, type InterruptRecord } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import type { NetOutput, Output } from '../ports.ts';
import type { Comparison } from './comparison.ts';
import { GuestState, type Place } from './guest-state.ts';
import type { Side } from './stream-comparer.ts';

export class ObservedGuest {
  readonly state: GuestState = new GuestState();
  readonly #side: Side;
  readonly #comparison: Comparison;

  constructor(side: Side, comparison: Comparison) {
    this.#side = side;
    this.#comparison = comparison;
  }

  /** Call with each input before its turn. */
  input(record: Omit<InterruptRecord, 'type'>, place: Place): void {
    const known = this.state.connections.get(record.id);
    this.state.input(record, place);
    if (record.kind === INTERRUPT.netAccept) this.#opened(record.id, place);
    if (record.kind === INTERRUPT.netClose && known !== undefined)
      this.#comparison.gone(this.#side, known.key);
  }

  /** Call with each output, in order. */
  output(output: Output, place: Place): void {
    this.state.output(output, place);
    switch (output.device) {
      case 'console':
        this.#comparison.console(this.#side, output.fd, output.bytes, place);
        return;
      case 'net':
        this.#net(output, place);
        return;
      case 'exit':
        this.#comparison.ended(this.#side);
        return;
      case 'stdin':
      case 'signal':
      case 'commit':
      case 'mount':
        return;
      default:
        unreachable(output);
    }
  }

  #net(output: NetOutput, place: Place): void {
    if (output.op === 'connect') {
      this.#opened(output.id, place);
      return;
    }
    const key = this.state.connections.get(output.id)?.key;
    if (key === undefined) return;
    if (output.op === 'write') this.#comparison.write(this.#side, key, output.bytes, place);
    if (output.op === 'end') this.#comparison.close(this.#side, key, 'end', place);
    if (output.op === 'destroy')
      this.#comparison.close(this.#side, key, output.reset ? 'reset' : 'end', place);
  }

  #opened(id: number, place: Place): void {
    const connection = this.state.connections.get(id);
    if (connection === undefined) return;
    this.#comparison.open(this.#side, connection.key, connection.name, place);
  }
}
