/** LEB128: the variable-length integers of WebAssembly and of the engine's binary form. */

/** Bytes of a non-negative integer below 2^53. */
export function leb(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? byte + 128 : byte);
  } while (rest > 0);
  return out;
}
