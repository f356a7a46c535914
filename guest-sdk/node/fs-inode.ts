/** What the virtual disk is made of. */

import { traps } from '../drivers/traps.ts';
import { bootedAtMicros, sinceBootMicros } from '../timer-wheel.ts';
import { FileBytes } from './fs-bytes.ts';

/** A failed operation, by the name of its error. The callers add the call and the paths. */
export class Fault {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

export type Kind = 'file' | 'directory' | 'link' | 'device';
export type Device = 'null' | 'zero' | 'stdin' | 'stdout' | 'stderr';

/** The guest's user and group. */
export const OWNER = 1000;

/** Microseconds since 1970, by the guest's clock. */
export function nowMicros(): number {
  return bootedAtMicros() + sinceBootMicros();
}

let lastNumber = 1;

/** A directory of the host in the guest's tree. */
export interface Mount {
  readonly index: number;
  readonly path: string;
  readonly readOnly: boolean;
  readonly root: Inode;
  /** The host's disk takes nothing now, with this error; empty: it does. */
  fault: string;
}

/** Content of a file of the image. Made into bytes when the guest first asks for them. */
export interface ImageContent {
  readonly size: number;
  bytes(): Uint8Array;
}

/** A file, directory, symbolic link or device. Times are microseconds since 1970. */
export class Inode {
  readonly number: number = ++lastNumber;
  readonly kind: Kind;
  /** Permission bits, with set-id and sticky. */
  mode: number;
  uid: number = OWNER;
  gid: number = OWNER;
  /** Names it has. */
  links = 0;
  /** Descriptors that hold it. */
  opened = 0;
  accessed: number;
  modified: number;
  changed: number;
  readonly born: number;
  /** It came with the image, or with the system: the guest has not changed it. */
  isGiven = false;
  /** The mount it is in, and its one name there. */
  mount: Mount | undefined = undefined;
  home: { readonly directory: Inode; readonly name: string } | undefined = undefined;
  /** The newest act on it or, of a directory, on a name of it (fs-mounts.ts). */
  lastAct = 0;
  /** The machine knows of it (fs-told.ts). */
  isTold = false;
  #image: ImageContent | undefined;
  readonly #bytes: FileBytes = new FileBytes(this.number);
  /** Of a directory, in order of creation. */
  readonly entries: Map<string, Inode> = new Map();
  /** Of a directory; the root's is itself. */
  parent: Inode | undefined = undefined;
  /** Of a symbolic link. */
  readonly target: string;
  readonly device: Device | undefined;

  constructor(kind: Kind, mode: number, more: { target?: string; device?: Device } = {}) {
    this.kind = kind;
    this.mode = mode;
    this.target = more.target ?? '';
    this.device = more.device;
    const now = nowMicros();
    this.accessed = now;
    this.modified = now;
    this.changed = now;
    this.born = now;
  }

  /** Content, read from the image first where it lies there. */
  get bytes(): FileBytes {
    const image = this.#image;
    if (image !== undefined) {
      this.#image = undefined;
      this.#bytes.write(image.bytes(), 0);
    }
    return this.#bytes;
  }

  /** A file of the image, which has no content of its own yet. */
  lieInImage(image: ImageContent): void {
    this.isGiven = true;
    this.#image = image;
  }

  get size(): number {
    if (this.#image !== undefined) return this.#image.size;
    if (this.kind === 'link') return traps.byteLength(this.target);
    return this.kind === 'directory' ? 4096 : this.bytes.size;
  }

  /** Bits of `wanted` (4 read, 2 write, 1 execute) that the guest's user does not have. */
  forbidden(wanted: number): number {
    const shift = this.uid === OWNER ? 6 : this.gid === OWNER ? 3 : 0;
    return wanted & ~((this.mode >> shift) & 7);
  }

  require(wanted: number): void {
    if ((wanted & 2) !== 0 && this.mount?.readOnly) throw new Fault('EROFS');
    if (this.forbidden(wanted) !== 0) throw new Fault('EACCES');
  }

  /** Its content changed, now. */
  touch(): void {
    this.modified = nowMicros();
    this.changed = this.modified;
  }
}
