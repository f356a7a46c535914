/** Where two records, or two headers, differ. */

import type { LogHeader, LogRecord } from '../../log-format/index.ts';

export interface ByteDifference {
  readonly offset: number;
  /** Undefined: the payload ends before. */
  readonly a: number | undefined;
  readonly b: number | undefined;
}

export interface RecordDifference {
  /** Names of fields with different values, in the order of the record; `type` alone when that differs. */
  readonly fields: readonly string[];
  /** The first byte of the payload that differs, when both have one and they differ. */
  readonly payloadByte: ByteDifference | undefined;
}

/** Undefined: they are equal in every field. */
export function recordDifference(a: LogRecord, b: LogRecord): RecordDifference | undefined {
  if (a.type !== b.type) return { fields: ['type'], payloadByte: undefined };
  const values = new Map<string, unknown>(Object.entries(b));
  const fields = Object.entries(a)
    .filter(([name, value]) => !sameValue(value, values.get(name)))
    .map(([name]) => name);
  const more = Object.keys(b).filter((name) => !Object.hasOwn(a, name));
  if (fields.length + more.length === 0) return undefined;
  return { fields: [...fields, ...more], payloadByte: payloadDifference(a, b) };
}

function payloadDifference(a: LogRecord, b: LogRecord): ByteDifference | undefined {
  if (a.type !== 'interrupt' || b.type !== 'interrupt') return undefined;
  if (a.payload === undefined || b.payload === undefined) return undefined;
  return firstDifference(a.payload, b.payload);
}

export function firstDifference(a: Uint8Array, b: Uint8Array): ByteDifference | undefined {
  const bytes = Math.max(a.length, b.length);
  for (let offset = 0; offset < bytes; offset++) {
    if (a[offset] !== b[offset]) return { offset, a: a[offset], b: b[offset] };
  }
  return undefined;
}

/** Values of a record are numbers, texts, bytes, lists of texts, or absent. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return firstDifference(a, b) === undefined;
  if (Array.isArray(a) && Array.isArray(b)) return JSON.stringify(a) === JSON.stringify(b);
  return a === b;
}

/** What it means for a replay when a field of two headers differs. */
const HEADER_MEANINGS: Readonly<Record<keyof LogHeader, string>> = {
  formatVersion: 'the bytes of the logs are read differently',
  machineVersion: 'devices mean different things: neither replays as the other',
  hvVersion: 'recorded by different releases; a replay is the same as long as the hashes are',
  vm: 'two runs, not two copies of one: the same records would be a coincidence',
  turnTicksMax: 'a turn that is stopped in one run may end in the other',
  secondTicksMax: 'a busy second that ends one guest may be allowed in the other',
  name: 'a name for people; a replay does not depend on it',
  ticksSemantics: 'positions inside turns are counted differently',
  engineHash: 'another interpreter: ticks and digests cannot agree',
  helperHash: 'another helper of the interpreter: memory limits act differently',
  firmwareHash: 'another guest OS: the same records lead to other states',
  imageHash: 'another script or other packages: the same records lead to other states',
  sourceMapHash: 'stack traces name other places, which the guest can read',
  memoryPages: 'the guest runs out of memory elsewhere',
  stackBytes: 'recursion ends at another depth',
  ticksPerMicro: 'the virtual clock runs at another speed inside turns',
  zoneOffsetMinutes: 'local times of the guest differ',
  seed: "the guest's random numbers differ from the first one on",
  startedAt: 'times are counted from another moment; the guest reads it while it boots',
  script: 'a name for people; the image hash says whether the script differs',
  segment: 'the logs begin at different segments',
  firstLsn: 'the logs begin at different records',
  chain: 'what came before the first record differs',
};

export interface HeaderDifference {
  readonly field: string;
  readonly a: unknown;
  readonly b: unknown;
  readonly means: string;
}

export function headerDifferences(a: LogHeader, b: LogHeader): readonly HeaderDifference[] {
  const fields = Object.keys(HEADER_MEANINGS) as (keyof LogHeader)[];
  return fields
    .filter((field) => a[field] !== b[field])
    .map((field) => ({ field, a: a[field], b: b[field], means: HEADER_MEANINGS[field] }));
}
