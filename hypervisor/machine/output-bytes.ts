/**
 * The bytes of an output as they enter the rolling checksum: every field that the world would see,
 * in a fixed order, so that two machines that answer differently have different sums.
 */

import { COMMIT_LEVELS, MOUNT_ACTS } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import type { NetOutput, Output } from '../ports.ts';

const DEVICE = { console: 1, exit: 2, stdin: 3, signal: 4, net: 5, commit: 6, mount: 7 } as const;
const NET_OP = {
  listen: 1,
  unlisten: 2,
  connect: 3,
  write: 4,
  end: 5,
  destroy: 6,
  consumed: 7,
  option: 8,
} as const;

export function outputBytes(output: Output): Uint8Array {
  switch (output.device) {
    case 'console':
      return pack([DEVICE.console, output.fd], output.bytes);
    case 'exit':
      return pack([DEVICE.exit, output.code]);
    case 'stdin':
      return pack([DEVICE.stdin, output.on ? 1 : 0]);
    case 'signal':
      return pack([DEVICE.signal, output.number, output.on ? 1 : 0]);
    case 'net':
      return netBytes(output);
    case 'commit':
      return pack([DEVICE.commit, output.id, COMMIT_LEVELS.indexOf(output.level)]);
    case 'mount': {
      const path = text(output.path);
      const act = MOUNT_ACTS.indexOf(output.act);
      const head = [DEVICE.mount, output.mount, output.number, act, output.at, path.length];
      return pack(head, joined(path, output.bytes));
    }
    default:
      return unreachable(output);
  }
}

function netBytes(output: NetOutput): Uint8Array {
  const head = [DEVICE.net, NET_OP[output.op], output.id];
  switch (output.op) {
    case 'listen':
      return pack([...head, output.port, output.backlog], text(output.host));
    case 'connect':
      return pack([...head, output.port], text(output.host));
    case 'write':
      return pack([...head, output.offset], output.bytes);
    case 'destroy':
      return pack([...head, output.reset ? 1 : 0]);
    case 'consumed':
      return pack([...head, output.bytes]);
    case 'option':
      return pack([...head, output.option, output.value]);
    case 'unlisten':
    case 'end':
      return pack(head);
    default:
      return unreachable(output);
  }
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const out = new Uint8Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}

/** Each number as a double: no number of an output needs more. */
function pack(numbers: readonly number[], bytes?: Uint8Array): Uint8Array {
  const size = bytes?.length ?? 0;
  const out = new Uint8Array(numbers.length * 8 + size);
  const view = new DataView(out.buffer);
  for (const [index, number] of numbers.entries()) view.setFloat64(index * 8, number, true);
  if (bytes !== undefined) out.set(bytes, numbers.length * 8);
  return out;
}
