/**
 * Goes over the frames of one segment without decoding records and without keeping the thread: between two
 * reads the host's loop goes round. For copies of logs that are looked at while the process serves.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeSeal, FRAME, type Frame, FrameReader, peekBatch } from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { SegmentInput } from './log-files.ts';

export type WalkEnd =
  /** `offset`: of the seal. */
  | { readonly type: 'sealed'; readonly final: boolean; readonly offset: number }
  /** Ends behind the frame that ends at `offset`, but for `tornBytes` that are no whole frame. */
  | { readonly type: 'open'; readonly offset: number; readonly tornBytes: number }
  | { readonly type: 'damaged'; readonly offset: number; readonly reason: string }
  /** `onFrame` had enough. */
  | { readonly type: 'stopped' };

/**
 * Calls `onFrame` with every frame but the seal, in order, until it returns 'stop'. `onFrame` may throw;
 * a FormatError is for the caller to name the place of.
 */
export async function walkSegment(
  path: string,
  onFrame: (frame: Frame) => 'stop' | undefined | Promise<undefined>,
): Promise<WalkEnd> {
  const input = new SegmentInput(path);
  const reader = new FrameReader(FRAME_BYTES_MAX);
  try {
    for (;;) {
      const result = reader.next();
      if (result.type === 'damaged') {
        const { offset, reason } = result;
        if (!input.endsBlank(offset)) return { type: 'damaged', offset, reason };
        return { type: 'open', offset, tornBytes: input.size - offset };
      }
      if (result.type === 'frame') {
        const { frame } = result;
        if (frame.type === FRAME.seal) {
          const { final } = decodeSeal(frame.payload);
          return { type: 'sealed', final, offset: frame.offset };
        }
        if ((await onFrame(frame)) === 'stop') return { type: 'stopped' };
        continue;
      }
      const chunk = input.read();
      if (chunk === undefined)
        return { type: 'open', offset: reader.offset, tornBytes: reader.pending };
      reader.push(chunk);
      await nextTurn();
    }
  } finally {
    input.close();
  }
}

/** Of the first batch in a segment; undefined: it has none. */
export async function firstBatchOf(
  path: string,
): Promise<ReturnType<typeof peekBatch> | undefined> {
  let first: ReturnType<typeof peekBatch> | undefined;
  await walkSegment(path, ({ type, bytes }) => {
    if (type !== FRAME.batch) return undefined;
    first = peekBatch(bytes);
    return 'stop';
  });
  return first;
}
