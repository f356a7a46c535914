/** `node:stream/promises`. */

import { type StreamPromises, exported as stream } from './stream.ts';

export const exported: StreamPromises = stream.promises;
