/** Puts a machine together from a log's header and blobs, refusing what does not match. */

import type { LogHeader } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { EngineParts } from '../machine/engine.ts';
import { Machine, type MachineOptions } from '../machine/machine.ts';
import { loadEngineParts } from './engine-parts.ts';
import { goldenKey, readGolden } from './golden-image.ts';

/** Newest semantics of devices and boundary this hv has; it runs machines of the earlier ones, too (`machineVersion` of the log header). */
export const MACHINE_VERSION = 4;

export interface GuestBlobs {
  readonly firmware: Uint8Array;
  readonly image: Uint8Array;
  readonly sourcemap: Uint8Array;
}

let parts: EngineParts | undefined;

/** The engine parts of this installation, compiled once per thread. */
export function engineParts(): EngineParts {
  parts ??= loadEngineParts();
  return parts;
}

/** What of a header must be the same here, and is not; undefined when all is well. */
export function engineMismatch(
  header: Pick<LogHeader, 'engineHash' | 'helperHash' | 'machineVersion'>,
): string | undefined {
  const { engineHash, helperHash } = engineParts();
  if (header.machineVersion > MACHINE_VERSION)
    return `machine version ${header.machineVersion}, this hv has ${MACHINE_VERSION}`;
  if (header.engineHash !== engineHash)
    return `engine sha256 ${header.engineHash.slice(0, 12)}…, this hv has ${engineHash.slice(0, 12)}…`;
  if (header.helperHash !== helperHash)
    return `helper sha256 ${header.helperHash.slice(0, 12)}…, this hv has ${helperHash.slice(0, 12)}…`;
  return undefined;
}

/** Throws HV_E_ENGINE_MISMATCH when the log needs another engine, helper or machine version. */
export function buildMachine(
  header: LogHeader,
  blobs: GuestBlobs,
  hooks: Pick<MachineOptions, 'onAlive' | 'onDiagnostic' | 'onMemory' | 'snapshot'> = {},
): Machine {
  const mismatch = engineMismatch(header);
  if (mismatch !== undefined)
    throw new HvError('HV_E_ENGINE_MISMATCH', `the log was recorded with ${mismatch}`, {
      details: { recordedBy: header.hvVersion },
    });
  return new Machine({
    parts: engineParts(),
    header,
    // Reading it costs milliseconds, and a snapshot has all that it has.
    golden: hooks.snapshot
      ? undefined
      : readGolden(goldenKey(engineParts(), blobs.firmware, header.machineVersion)),
    firmware: blobs.firmware,
    image: blobs.image,
    sourceMap: blobs.sourcemap,
    ...hooks,
  });
}
