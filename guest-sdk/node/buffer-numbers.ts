/**
 * The read and write methods of Buffer. Plain arithmetic on bytes: in this engine a DataView per call
 * costs more than the loads. Checks, codes and texts are Node's, in Node's order (value before offset).
 */

import { invalidArgType, nodeError, outOfRange } from './node-errors.ts';
import { validateNumber } from './validators.ts';

type Read = (this: Uint8Array, offset?: number) => number;
type Write = (this: Uint8Array, value: number, offset?: number) => number;
type ReadBig = (this: Uint8Array, offset?: number) => bigint;
type WriteBig = (this: Uint8Array, value: bigint, offset?: number) => number;
type ReadSized = (this: Uint8Array, offset: number, byteLength: number) => number;
type WriteSized = (this: Uint8Array, value: number, offset: number, byteLength: number) => number;

type Order = 'LE' | 'BE';
type Unsigned = 'UInt' | 'Uint';
type Fixed = '16' | '32';
type Scalar =
  | `${Unsigned | 'Int'}8`
  | `${Unsigned | 'Int'}${Fixed}${Order}`
  | `${'Float' | 'Double'}${Order}`;

/** Types of everything in `numberMethods`. */
export type NumberMethods = { [K in `read${Scalar}`]: Read } & {
  [K in `write${Scalar}`]: Write;
} & {
  [K in `readBig${Unsigned | 'Int'}64${Order}`]: ReadBig;
} & { [K in `writeBig${Unsigned | 'Int'}64${Order}`]: WriteBig } & {
  [K in `read${Unsigned | 'Int'}${Order}`]: ReadSized;
} & { [K in `write${Unsigned | 'Int'}${Order}`]: WriteSized };

function boundsError(value: number, limit: number, type?: 'byteLength'): Error {
  const name = type ?? 'offset';
  if (Math.floor(value) !== value) {
    validateNumber(value, name);
    return outOfRange(name, 'an integer', value);
  }
  if (limit < 0) {
    const text = 'Attempt to access memory outside buffer bounds';
    return nodeError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', text);
  }
  return outOfRange(name, `>= ${type === undefined ? 0 : 1} and <= ${limit}`, value);
}

/** Refuses an offset at which `width` bytes do not lie inside `bytes`. */
function checkBounds(bytes: Uint8Array, offset: unknown, width: number): asserts offset is number {
  validateNumber(offset, 'offset');
  if (bytes[offset] === undefined || bytes[offset + width - 1] === undefined) {
    throw boundsError(offset, bytes.length - width);
  }
}

function checkWidth(width: unknown): asserts width is number {
  if (typeof width !== 'number') throw invalidArgType('byteLength', 'number', width);
  if (!(width >= 1 && width <= 6) || Math.floor(width) !== width) {
    throw boundsError(width, 6, 'byteLength');
  }
}

function checkRange(value: number | bigint, width: number, signed: boolean): void {
  const bits = width * 8;
  if (typeof value === 'bigint') {
    const [min, max] = signed ? [-(2n ** 63n), 2n ** 63n] : [0n, 2n ** 64n];
    if (value >= min && value < max) return;
    throw outOfRange(
      'value',
      signed ? '>= -(2n ** 63n) and < 2n ** 63n' : '>= 0n and < 2n ** 64n',
      value,
    );
  }
  const min = signed ? -(2 ** (bits - 1)) : 0;
  const max = 2 ** (signed ? bits - 1 : bits) - 1;
  if (!(value > max || value < min)) return;
  if (width <= 4) throw outOfRange('value', `>= ${min} and <= ${max}`, value);
  const low = signed ? `-(2 ** ${bits - 1})` : '0';
  throw outOfRange('value', `>= ${low} and < 2 ** ${signed ? bits - 1 : bits}`, value);
}

/** Unsigned value of `width` bytes; bounds are the caller's duty. */
function load(bytes: Uint8Array, offset: number, width: number, order: Order): number {
  let value = 0;
  if (order === 'LE') {
    for (let i = offset + width - 1; i >= offset; i--) value = value * 256 + (bytes[i] as number);
  } else {
    for (let i = offset; i < offset + width; i++) value = value * 256 + (bytes[i] as number);
  }
  return value;
}

function store(
  bytes: Uint8Array,
  value: number,
  offset: number,
  width: number,
  order: Order,
): void {
  // Two's complement of up to 48 bits in two halves: `>>>` alone sees only the low 32.
  let low = value | 0;
  if (width > 4) {
    const whole = Math.trunc(value);
    low = (whole % 2 ** 32) | 0;
    let high = Math.floor(whole / 2 ** 32);
    for (let i = 4; i < width; i++) {
      bytes[order === 'LE' ? offset + i : offset + width - 1 - i] = high;
      high >>= 8;
    }
  }
  const count = Math.min(width, 4);
  for (let i = 0; i < count; i++) {
    bytes[order === 'LE' ? offset + i : offset + width - 1 - i] = low;
    low >>>= 8;
  }
}

function signed(value: number, width: number): number {
  const limit = 2 ** (width * 8 - 1);
  return value >= limit ? value - limit * 2 : value;
}

const methods: Record<string, unknown> = {};

/** Adds `read<name>`/`write<name>`; the second spelling ("Uint") is the same function, as in Node. */
function define(verb: 'read' | 'write', name: string, method: unknown): void {
  methods[`${verb}${name}`] = method;
  if (name.includes('UInt')) methods[`${verb}${name.replace('UInt', 'Uint')}`] = method;
}

function defineFixed(width: number, order: Order): void {
  const suffix = width === 1 ? '8' : `${width * 8}${order}`;
  const readUnsigned: Read = function (offset = 0) {
    checkBounds(this, offset, width);
    return load(this, offset, width, order);
  };
  const shift = 32 - width * 8;
  const readSigned: Read = function (offset = 0) {
    checkBounds(this, offset, width);
    return (load(this, offset, width, order) << shift) >> shift;
  };
  const writer = (isSigned: boolean): Write =>
    function (value, offset = 0) {
      const number = +value;
      // One byte alone checks the offset first (Node's writeU_Int8).
      if (width === 1) validateNumber(offset, 'offset');
      checkRange(number, width, isSigned);
      checkBounds(this, offset, width);
      store(this, number, offset, width, order);
      return offset + width;
    };
  define('read', `UInt${suffix}`, readUnsigned);
  define('read', `Int${suffix}`, readSigned);
  define('write', `UInt${suffix}`, writer(false));
  define('write', `Int${suffix}`, writer(true));
}

function defineSized(order: Order): void {
  const reader = (isSigned: boolean): ReadSized =>
    function (offset, byteLength) {
      if (offset === undefined) throw invalidArgType('offset', 'number', offset);
      checkWidth(byteLength);
      checkBounds(this, offset, byteLength);
      const value = load(this, offset, byteLength, order);
      return isSigned ? signed(value, byteLength) : value;
    };
  const writer = (isSigned: boolean): WriteSized =>
    function (value, offset, byteLength) {
      checkWidth(byteLength);
      const number = +value;
      checkRange(number, byteLength, isSigned);
      checkBounds(this, offset, byteLength);
      store(this, number, offset, byteLength, order);
      return offset + byteLength;
    };
  define('read', `UInt${order}`, reader(false));
  define('read', `Int${order}`, reader(true));
  define('write', `UInt${order}`, writer(false));
  define('write', `Int${order}`, writer(true));
}

function defineBig(order: Order): void {
  const reader = (isSigned: boolean): ReadBig =>
    function (offset = 0) {
      checkBounds(this, offset, 8);
      const first = load(this, offset, 4, order);
      const second = load(this, offset + 4, 4, order);
      const [high, low] = order === 'LE' ? [second, first] : [first, second];
      return (BigInt(isSigned ? high | 0 : high) << 32n) + BigInt(low);
    };
  const writer = (isSigned: boolean): WriteBig =>
    function (value, offset = 0) {
      // A number is the caller's mistake; the mix with a bigint raises the engine's TypeError, as in Node.
      const low = Number(value & 0xffffffffn);
      checkRange(value, 8, isSigned);
      checkBounds(this, offset, 8);
      const high = Number((value >> 32n) & 0xffffffffn);
      store(this, order === 'LE' ? low : high, offset, 4, order);
      store(this, order === 'LE' ? high : low, offset + 4, 4, order);
      return offset + 8;
    };
  define('read', `BigUInt64${order}`, reader(false));
  define('read', `BigInt64${order}`, reader(true));
  define('write', `BigUInt64${order}`, writer(false));
  define('write', `BigInt64${order}`, writer(true));
}

/** Little-endian scratch, as wasm and every host of ours is. */
function defineFloating(name: 'Float' | 'Double', order: Order): void {
  const scratch = name === 'Float' ? new Float32Array(1) : new Float64Array(1);
  const bytes = new Uint8Array(scratch.buffer);
  const width = bytes.length;
  const read: Read = function (offset = 0) {
    checkBounds(this, offset, width);
    for (let i = 0; i < width; i++) {
      bytes[i] = this[order === 'LE' ? offset + i : offset + width - 1 - i] as number;
    }
    return scratch[0] as number;
  };
  const write: Write = function (value, offset = 0) {
    scratch[0] = +value;
    checkBounds(this, offset, width);
    for (let i = 0; i < width; i++) {
      this[order === 'LE' ? offset + i : offset + width - 1 - i] = bytes[i] as number;
    }
    return offset + width;
  };
  define('read', `${name}${order}`, read);
  define('write', `${name}${order}`, write);
}

for (const order of ['LE', 'BE'] as const) {
  defineBig(order);
  defineSized(order);
  for (const width of [1, 2, 4]) defineFixed(width, order);
  defineFloating('Float', order);
  defineFloating('Double', order);
}
for (const [name, method] of Object.entries(methods)) {
  Object.defineProperty(method, 'name', {
    value: name.replace('Uint', 'UInt'),
    configurable: true,
  });
}

/** Methods for Buffer.prototype, by name. */
export const numberMethods: NumberMethods = methods as unknown as NumberMethods;
