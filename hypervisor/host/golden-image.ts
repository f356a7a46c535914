/**
 * The golden image: the machine with its firmware booted, made once by the build and read at every
 * start, because evaluating the firmware takes a quarter of a second and reading 4 MiB does not.
 * An optimisation only: a file that is missing, damaged or of other parts is as good as none.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { sha256Hex } from '../../log-format/index.ts';
import type { EngineParts } from '../machine/engine.ts';
import type { GoldenImage } from '../machine/machine.ts';
import { builtPath } from './engine-parts.ts';

const NAME = 'golden.bin';
const LENGTH_BYTES = 4;
/** Hex SHA-256 of everything behind it. */
const HASH_CHARACTERS = 64;

/** What an image belongs to. */
export interface GoldenKey {
  readonly engineHash: string;
  readonly helperHash: string;
  readonly firmwareHash: string;
  readonly machineVersion: number;
}

interface Head {
  readonly key: GoldenKey;
  readonly image: Omit<GoldenImage, 'memory'>;
  readonly runs: readonly { readonly at: number; readonly length: number }[];
}

/** Limits are not in it: waking an image applies those of the guest (`Engine`). */
export function goldenKey(
  parts: Pick<EngineParts, 'engineHash' | 'helperHash'>,
  firmware: Uint8Array,
  machineVersion: number,
): GoldenKey {
  const { engineHash, helperHash } = parts;
  return { engineHash, helperHash, firmwareHash: sha256Hex(firmware), machineVersion };
}

/** Layout: SHA-256 as hex, length of the head, the head as JSON, the bytes of the runs. */
export function writeGolden(key: GoldenKey, image: GoldenImage): void {
  const { memory, ...rest } = image;
  const runs = memory.map(({ at, bytes }) => ({ at, length: bytes.length }));
  const head = Buffer.from(JSON.stringify({ key, image: rest, runs } satisfies Head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(head.length);
  const body = Buffer.concat([length, head, ...memory.map(({ bytes }) => bytes)]);
  writeFileSync(builtPath(NAME), Buffer.concat([Buffer.from(sha256Hex(body)), body]));
}

/** The image for `key`, or undefined when the build made none for it. */
export function readGolden(key: GoldenKey): GoldenImage | undefined {
  const file = readBuilt();
  if (file === undefined) return undefined;
  const body = file.subarray(HASH_CHARACTERS);
  const length = body.length < LENGTH_BYTES ? 0 : body.readUInt32LE(0);
  const start = LENGTH_BYTES + length;
  if (body.length < start || sha256Hex(body) !== file.toString('latin1', 0, HASH_CHARACTERS))
    return undefined;
  const head = JSON.parse(body.toString('utf8', LENGTH_BYTES, start)) as Head;
  if (JSON.stringify(head.key) !== JSON.stringify(key)) return undefined;
  let from = start;
  const memory = head.runs.map((run) => {
    const bytes = body.subarray(from, from + run.length);
    from += run.length;
    return { at: run.at, bytes };
  });
  return { ...head.image, memory };
}

function readBuilt(): Buffer | undefined {
  try {
    return readFileSync(builtPath(NAME));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
