/**
 * Files that came with the image: the script itself, and what its sources name. The image is read-only;
 * a program that writes to one of them writes to a copy on its disk, as it would beside its own script.
 */

import { traps } from '../drivers/traps.ts';
import { Buffer } from './buffer.ts';
import { Inode } from './fs-inode.ts';
import { isMounted } from './fs-mounts.ts';
import { volume } from './fs-volume.ts';

type EmbeddedFile = readonly [path: string, content: string, isBase64: number];

const MODE = 0o644;

function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** Called once, before the script runs. */
export function installFiles(files: readonly EmbeddedFile[]): void {
  volume.install(() => {
    for (const [path, content, isBase64] of files) {
      if (isMounted(path)) continue;
      volume.makeDirectories(path.slice(0, path.lastIndexOf('/')), 0o755);
      const node = new Inode('file', MODE);
      const isText = isBase64 !== 1;
      node.lieInImage({
        size: isText ? traps.byteLength(content) : base64Bytes(content),
        bytes: () => Buffer.from(content, isText ? 'utf8' : 'base64') as unknown as Uint8Array,
      });
      volume.add(volume.locate(path), node);
    }
  });
}
