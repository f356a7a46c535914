/** `hv/log-format`: the words of the log, for hv itself and for other tools. */

export * from './abi.ts';
export * from './chain.ts';
export * from './checksum.ts';
export * from './codec.ts';
export * from './faults.ts';
export * from './firmware-parts.ts';
export * from './frame.ts';
export * from './header.ts';
export { MEMORY_HASH_BYTES } from './record-codec.ts';
export * from './records.ts';
export * from './sealing.ts';
export * from './snapshot.ts';
export * from './snapshot-scan.ts';
export * from './units.ts';
