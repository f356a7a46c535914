/** Frames of the WebSocket protocol (RFC 6455, section 5), as a client writes and reads them. */

import { Buffer } from '../node/buffer.ts';
import { webcrypto } from '../node/crypto.ts';

type Bytes = ReturnType<typeof Buffer.from>;

export const OPCODE = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** The longest payload of a control frame. */
export const CONTROL_BYTES_MAX = 125;
const MASK_BYTES = 4;

/** A whole message in one frame, masked as those of clients are. */
export function encodeFrame(opcode: number, payload: Uint8Array): Bytes {
  const { length } = payload;
  const lengthBytes = length > 65_535 ? 8 : length > CONTROL_BYTES_MAX ? 2 : 0;
  const start = 2 + lengthBytes + MASK_BYTES;
  const frame = Buffer.alloc(start + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const mask = frame.subarray(start - MASK_BYTES, start);
  webcrypto.getRandomValues(mask);
  for (let at = 0; at < length; at++) {
    frame[start + at] = (payload[at] as number) ^ (mask[at & 3] as number);
  }
  return frame;
}

export interface FrameSink {
  /** A whole message: its fragments put together. */
  message(opcode: number, payload: Bytes): void;
  control(opcode: number, payload: Bytes): void;
  /** The peer broke the protocol; nothing more is read. */
  violation(reason: string): void;
}

interface FrameHead {
  readonly final: boolean;
  readonly opcode: number;
  readonly start: number;
  readonly length: number;
}

/** Cuts what arrives into frames and those into messages. */
export class FrameReader {
  readonly #sink: FrameSink;
  #chunks: Bytes[] = [];
  #buffered = 0;
  /** How much must be there before it is worth looking again. */
  #needed = 2;
  #fragments: Bytes[] = [];
  #opcode = 0;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  push(chunk: Bytes): void {
    if (this.#stopped || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (!this.#stopped && this.#buffered >= this.#needed && this.#readFrame()) {}
  }

  stop(): void {
    this.#stopped = true;
    this.#chunks = [];
  }

  #fail(reason: string): undefined {
    this.stop();
    this.#sink.violation(reason);
    return undefined;
  }

  #readFrame(): boolean {
    const bytes =
      this.#chunks.length === 1 ? (this.#chunks[0] as Bytes) : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    const head = this.#headOf(bytes);
    if (head === undefined) return false;
    const end = head.start + head.length;
    this.#needed = end;
    if (bytes.length < end) return false;
    this.#chunks = bytes.length === end ? [] : [bytes.subarray(end)];
    this.#buffered -= end;
    this.#needed = 2;
    this.#take(head, bytes.subarray(head.start, end));
    return true;
  }

  /** Undefined while it is not all there, or when it is refused. */
  #headOf(bytes: Bytes): FrameHead | undefined {
    const [first = 0, second = 0] = bytes;
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    const reserved = [0x40, 0x20, 0x10].findIndex((bit) => (first & bit) !== 0);
    if (reserved >= 0) return this.#fail(`Expected RSV${reserved + 1} to be clear.`);
    if ((second & 0x80) !== 0) return this.#fail('Frame cannot be masked');
    const short = second & 0x7f;
    const isControl = opcode >= OPCODE.close;
    if (opcode > OPCODE.pong || (opcode > OPCODE.binary && !isControl)) {
      return this.#fail('Invalid opcode received');
    }
    if (isControl && (!final || short > CONTROL_BYTES_MAX)) {
      return this.#fail(final ? 'Control frame too large' : 'Fragmented exceeded 125 bytes.');
    }
    const start = short === 127 ? 10 : short === 126 ? 4 : 2;
    this.#needed = start;
    if (bytes.length < start) return undefined;
    const length =
      start === 10 ? Number(bytes.readBigUInt64BE(2)) : start === 4 ? bytes.readUInt16BE(2) : short;
    if (length > Number.MAX_SAFE_INTEGER) {
      return this.#fail('Received payload length > 2^31 bytes.');
    }
    return { final, opcode, start, length };
  }

  #take({ final, opcode }: FrameHead, payload: Bytes): void {
    if (opcode >= OPCODE.close) {
      this.#sink.control(opcode, payload);
      return;
    }
    const isContinued = this.#opcode !== 0;
    if ((opcode === OPCODE.continuation) !== isContinued) {
      this.#fail(isContinued ? 'Expected continuation frame' : 'Unexpected continuation frame');
      return;
    }
    if (opcode !== OPCODE.continuation) this.#opcode = opcode;
    this.#fragments.push(payload);
    if (!final) return;
    const whole = this.#fragments.length === 1 ? payload : Buffer.concat(this.#fragments);
    const kind = this.#opcode;
    this.#fragments = [];
    this.#opcode = 0;
    this.#sink.message(kind, whole);
  }
}
