/**
 * The file an arbiter keeps its views in: one line for each write, `crc32 json`, the checksum going on
 * from the line before, so that a line cannot be changed, taken out or put in without being noticed.
 *
 *   <8 hex> {"hv":"arbiter","format":1,"instance":"…"}
 *   <8 hex> {"views":[{"vm":…,"epoch":…,"primary":…,"backups":[…],"token":…,"at":…}, …]}
 *
 * A write is one line, so what a power cut leaves of the last one is one line without an end, or with
 * blocks in it that were never written: it was never answered, and is cut. Anything else that does not
 * fit is damage, and refused: a view that is forgotten is an epoch given twice.
 */

import { asEpoch, crc32 } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { ARBITER_GROUP_MAX, VIEW_BACKUPS_MAX } from '../base/limits.ts';
import { isObject, type StoredView } from './arbiter-answers.ts';

export interface ViewRecord extends StoredView {
  readonly vm: string;
  /** When it came into force, for people. */
  readonly at: string;
  /** Made by the view service for its primary, which has not claimed it yet. */
  readonly reserved: boolean;
}

export interface ViewsRead {
  readonly views: ReadonlyMap<string, ViewRecord>;
  /** Bytes of an unfinished last write. */
  readonly tornBytes: number;
}

const FORMAT = 1;
const NEWLINE = 0x0a;
const CRC_DIGITS = 8;

/** Encodes lines of a file from its start, one by one. */
export class ViewLines {
  #crc = 0;

  header(instance: string): Buffer {
    return this.#line({ hv: 'arbiter', format: FORMAT, instance });
  }

  views(some: readonly ViewRecord[]): Buffer {
    return this.#line({ views: some.map(recordOf) });
  }

  /** All lines of a new file. */
  whole(instance: string, all: Iterable<ViewRecord>): Buffer[] {
    const lines = [this.header(instance)];
    const rest = [...all];
    for (let at = 0; at < rest.length; at += ARBITER_GROUP_MAX)
      lines.push(this.views(rest.slice(at, at + ARBITER_GROUP_MAX)));
    return lines;
  }

  #line(value: object): Buffer {
    const json = Buffer.from(JSON.stringify(value));
    this.#crc = crc32(json, this.#crc);
    const digits = this.#crc.toString(16).padStart(CRC_DIGITS, '0');
    return Buffer.concat([Buffer.from(`${digits} `), json, Buffer.from('\n')]);
  }
}

/** A view as it is in the file, and as the arbiter shows it. */
export function recordOf({ vm, view, token, at, reserved }: ViewRecord): object {
  const { epoch, primary, backups } = view;
  return { vm, epoch, primary, backups, token, at, ...(reserved ? { reserved } : {}) };
}

/** Reads a whole file. Throws HV_E_VIEWS_DAMAGED; `path` is for people. */
export function readViews(path: string, bytes: Buffer): ViewsRead {
  const views = new Map<string, ViewRecord>();
  let crc = 0;
  let offset = 0;
  let line = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(NEWLINE, offset);
    const text = end === -1 ? undefined : bytes.subarray(offset, end);
    const next = text && checked(text, crc);
    if (text === undefined || next === undefined) {
      if (line === 0 || !isTorn(bytes.subarray(offset))) throw damaged(path, { line, offset });
      break;
    }
    crc = next;
    const value: unknown = JSON.parse(text.subarray(CRC_DIGITS + 1).toString());
    const good = line === 0 ? isHeader(value) : takeViews(value, views);
    if (!good) throw damaged(path, { line, offset });
    offset = end + 1;
    line += 1;
  }
  if (line === 0) throw damaged(path, { line, offset });
  return { views, tornBytes: bytes.length - offset };
}

/** The checksum up to this line, or undefined if it does not fit. */
function checked(text: Buffer, before: number): number | undefined {
  const digits = text.subarray(0, CRC_DIGITS).toString('latin1');
  const crc = crc32(text.subarray(CRC_DIGITS + 1), before);
  const fits = text[CRC_DIGITS] === 0x20 && digits === crc.toString(16).padStart(CRC_DIGITS, '0');
  return fits ? crc : undefined;
}

function isTorn(rest: Buffer): boolean {
  const end = rest.indexOf(NEWLINE);
  return end === -1 || (end === rest.length - 1 && rest.includes(0));
}

function isHeader(value: unknown): boolean {
  return isObject(value) && value.hv === 'arbiter' && value.format === FORMAT;
}

/** False: not what we write, or an epoch that does not follow. */
function takeViews(value: unknown, views: Map<string, ViewRecord>): boolean {
  if (!isObject(value) || !Array.isArray(value.views)) return false;
  return value.views.every((one: unknown) => {
    const stored = parseRecord(one);
    if (stored === undefined) return false;
    const before = views.get(stored.vm);
    const { epoch } = stored.view;
    const follows =
      before === undefined ||
      epoch > before.view.epoch ||
      (epoch === before.view.epoch && before.reserved && !stored.reserved);
    views.set(stored.vm, stored);
    return follows;
  });
}

/** The view in what `recordOf` has made; undefined if it is none. */
export function parseRecord(value: unknown): ViewRecord | undefined {
  if (!isObject(value)) return undefined;
  const { vm, epoch, primary, backups, token, at, reserved } = value;
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 1) return undefined;
  if (typeof vm !== 'string' || typeof primary !== 'string') return undefined;
  if (typeof token !== 'string' || typeof at !== 'string') return undefined;
  if (!Array.isArray(backups) || backups.length > VIEW_BACKUPS_MAX) return undefined;
  if (!backups.every((backup): backup is string => typeof backup === 'string')) return undefined;
  const view = { epoch: asEpoch(epoch), primary, backups };
  return { vm, view, token, at, reserved: reserved === true };
}

function damaged(path: string, at: { readonly line: number; readonly offset: number }): HvError {
  return new HvError(
    'HV_E_VIEWS_DAMAGED',
    `${path} is damaged at line ${at.line + 1} (byte ${at.offset})`,
    { details: { path, ...at } },
  );
}
