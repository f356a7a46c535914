/**
 * Files that a guest says it did not find, although they are on this host: the guest sees the files of
 * its image, and no others. Found in what it prints, for a guest that fails says so there.
 */

import { existsSync } from 'node:fs';
import { MISSING_FILES_TOLD_MAX } from '../base/loading-limits.ts';

const CODE = 'ENOENT';
const NAMED = /\bENOENT: no such file or directory, \w+ '(\/[^'\n]+)'/g;

export class MissingFiles {
  readonly #told = new Set<string>();

  /** Absolute paths in the text that exist here, each path once in the life of this object. */
  namedIn(bytes: Uint8Array): string[] {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#told.size >= MISSING_FILES_TOLD_MAX || !text.includes(CODE)) return [];
    const found = new Set<string>();
    for (const [, path = ''] of text.toString().matchAll(NAMED)) {
      if (this.#told.has(path) || !existsSync(path)) continue;
      this.#told.add(path);
      found.add(path);
    }
    return [...found];
  }
}
