/** Files that came with the image: the script itself, and what its sources name. */

import { Buffer } from './buffer.ts';
import { Inode } from './fs-inode.ts';
import { volume } from './fs-volume.ts';

type EmbeddedFile = readonly [path: string, content: string, isBase64: number];

const MODE = 0o644;

/** Called once, before the script runs. */
export function installFiles(files: readonly EmbeddedFile[]): void {
  for (const [path, content, isBase64] of files) {
    volume.makeDirectories(path.slice(0, path.lastIndexOf('/')), 0o755);
    const place = volume.locate(path);
    const node = new Inode('file', MODE);
    volume.add(place, node);
    const bytes = Buffer.from(content, isBase64 === 1 ? 'base64' : 'utf8');
    volume.write(node, bytes as unknown as Uint8Array, 0);
  }
}
