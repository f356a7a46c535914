/**
 * How the log format says no. Two kinds that must never be mixed up: bytes that are not what they
 * should be (the world, `FormatError`) and values that should never have reached the encoder (a bug
 * of ours, `EncodeError`). Host code turns the first into an HvError that names file and offset.
 */

/** Bytes that do not follow the format. `message` is a reason without a place. */
export class FormatError extends Error {
  override readonly name: string = 'FormatError';
}

/** Versions are counted separately: of a log's bytes, its machine, its ticks, and of the seal around it. */
export type VersionKind = 'format' | 'machine' | 'ticks' | 'sealing';

/**
 * A header of a version this code does not know. Its bytes are intact: damage is found before.
 * `what` names the version that differs, `version` its value as found.
 */
export class FormatVersionError extends FormatError {
  override readonly name = 'FormatVersionError';
  readonly what: VersionKind;
  readonly version: string;

  constructor(what: VersionKind, version: unknown) {
    super(`unknown ${what} version`);
    this.what = what;
    this.version = String(version).slice(0, 60);
  }
}

/** A value the format cannot express. A bug of the caller; never catch it to continue. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}

/** Constant texts only, as in `assert`: this runs for every field of every record. */
export function demand(condition: boolean, text: string): asserts condition {
  if (!condition) throw new EncodeError(text);
}

/** Ends a `switch` over a union: the compiler proves that no case is forgotten. */
export function noSuchType(_value: never): never {
  throw new EncodeError('a record has a known type');
}
