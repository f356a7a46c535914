/**
 * Intrinsics: functions by specification, run by the host because the interpreter would need a
 * hundred times as long, and not recorded because their answer depends on their arguments alone
 * (UTF-8 and UTF-16: WHATWG Encoding; base64: RFC 4648; hex; positions: the image's source map).
 */

import { ENCODING, type TrapName } from '../../log-format/index.ts';
import type { TrapHandler } from './devices/device.ts';
import type { Engine } from './engine.ts';
import type { StackMap } from './stack-map.ts';
import { newBytes, newNumber, newText, readBytes, readInt, readText } from './values.ts';

const NODE_ENCODINGS: Readonly<Record<number, BufferEncoding>> = {
  [ENCODING.utf8]: 'utf8',
  [ENCODING.latin1]: 'latin1',
  [ENCODING.ascii]: 'ascii',
  [ENCODING.base64]: 'base64',
  [ENCODING.base64url]: 'base64url',
  [ENCODING.hex]: 'hex',
  [ENCODING.utf16le]: 'utf16le',
};

function encodingOf(number: number): BufferEncoding {
  return NODE_ENCODINGS[number] ?? 'utf8';
}

export function intrinsics(
  engine: Engine,
  stackMap: StackMap,
): Partial<Record<TrapName, TrapHandler>> {
  return {
    encode: (argv) => {
      const text = readText(engine, argv, 0);
      return newBytes(engine, Buffer.from(text, encodingOf(readInt(engine, argv, 1))));
    },
    decode: (argv) => {
      const offset = readInt(engine, argv, 1);
      const bytes = readBytes(engine, argv, 0, { offset, length: readInt(engine, argv, 2) });
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return newText(engine, buffer.toString(encodingOf(readInt(engine, argv, 3))));
    },
    byteLength: (argv) => newNumber(engine, Buffer.byteLength(readText(engine, argv, 0), 'utf8')),
    mapStack: (argv) => newText(engine, stackMap.map(readText(engine, argv, 0))),
    sourceLine: (argv) => newText(engine, stackMap.sourceLine(readText(engine, argv, 0))),
  };
}
