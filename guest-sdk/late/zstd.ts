/** Zstandard, evaluated when a guest first uses it. */

export { decodeZstd, ZstdEnd } from './zstd-decoder.ts';
export { ZstdStream } from './zstd-encoder.ts';
export { ZstdError } from './zstd-tables.ts';
