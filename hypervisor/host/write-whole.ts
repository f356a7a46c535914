/** Small files beside a log that are there whole or not at all. */

import { join } from 'node:path';
import { type Disk, REAL_DISK } from './disk.ts';

/** Makes `dir/name` with these bytes, so that it is there whole or not at all. */
export async function writeWhole(
  dir: string,
  name: string,
  bytes: Uint8Array,
  disk: Disk = REAL_DISK,
): Promise<void> {
  const temporary = join(dir, `${name}.tmp`);
  const file = disk.openFile(temporary, { offset: 0 });
  try {
    await file.write([bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(dir, name));
  await disk.syncDirectory(dir);
}
