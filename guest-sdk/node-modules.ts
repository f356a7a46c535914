/** Which Node modules this guest has, by name. The generated list of docs/guest-api.md is this one. */

import { exported as commit } from './commit.ts';
import { console } from './globals.ts';
import { exported as assert } from './node/assert.ts';
import { exported as buffer } from './node/buffer.ts';
import { exported as crypto } from './node/crypto.ts';
import { exported as events } from './node/events.ts';
import { exported as http } from './node/http.ts';
import { legacyHttp } from './node/http-legacy.ts';
import { exported as module } from './node/module.ts';
import { exported as net } from './node/net.ts';
import { exported as os } from './node/os.ts';
import { exported as path } from './node/path.ts';
import { exported as perfHooks } from './node/perf-hooks.ts';
import { exported as process } from './node/process.ts';
import { exported as stream } from './node/stream.ts';
import { exported as streamConsumers } from './node/stream-consumers.ts';
import { exported as streamPromises } from './node/stream-promises.ts';
import { exported as stringDecoder } from './node/string-decoder.ts';
import { exported as timers } from './node/timers.ts';
import { exported as timersPromises } from './node/timers-promises.ts';
import { exported as url } from './node/url.ts';
import { exported as util } from './node/util.ts';
import { exported as preempt } from './preempt.ts';

/** `hv/guest` is the one that is not Node's. */
export const nodeModules: Readonly<Record<string, unknown>> = {
  ...legacyHttp,
  assert,
  'assert/strict': (assert as unknown as { strict: unknown }).strict,
  buffer,
  console,
  crypto,
  events,
  http,
  'hv/guest': { ...commit, ...preempt },
  module,
  net,
  os,
  path,
  'path/posix': (path as unknown as { posix: unknown }).posix,
  'path/win32': (path as unknown as { win32: unknown }).win32,
  perf_hooks: perfHooks,
  process,
  stream,
  'stream/consumers': streamConsumers,
  'stream/promises': streamPromises,
  string_decoder: stringDecoder,
  sys: util,
  timers,
  'timers/promises': timersPromises,
  url,
  util,
  'util/types': (util as unknown as { types: unknown }).types,
};
