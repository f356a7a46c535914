/** `node:stream/web`. */

import { defineWebStreams } from '../web/streams.ts';
import { transcodingStreams } from '../web/transcoding-streams.ts';

function makeExports(): Record<string, unknown> {
  const table: Record<string, unknown> = {};
  defineWebStreams(table, true);
  return Object.assign(table, transcodingStreams);
}

export const exported: Record<string, unknown> = makeExports();
