/** Which Node modules this guest has, by name. The generated list of docs/guest-api.md is this one. */

import { runAsyncGenerator } from './async-generators.ts';
import { runAsync } from './async-promises.ts';
import { console } from './globals.ts';
import { exported as hvGuest } from './hv-guest.ts';
import { exported as assert } from './node/assert.ts';
import { exported as asyncHooks } from './node/async-hooks.ts';
import { exported as buffer } from './node/buffer.ts';
import { exported as childProcess } from './node/child-process.ts';
import { exported as crypto } from './node/crypto.ts';
import { exported as dgram } from './node/dgram.ts';
import { exported as diagnosticsChannel } from './node/diagnostics-channel.ts';
import { exported as dns } from './node/dns.ts';
import { exported as domain } from './node/domain.ts';
import { exported as events } from './node/events.ts';

import './node/events-async-resource.ts';

import { exported as imageModules } from './image-modules.ts';
import { exported as fs } from './node/fs.ts';
import { exported as fsPromises } from './node/fs-promises.ts';
import { exported as http } from './node/http.ts';
import { legacyHttp } from './node/http-legacy.ts';
import { exported as http2 } from './node/http2.ts';
import { exported as https } from './node/https.ts';
import { exported as module } from './node/module.ts';
import { exported as net } from './node/net.ts';
import { exported as os } from './node/os.ts';
import { exported as path } from './node/path.ts';
import { exported as perfHooks } from './node/perf-hooks.ts';
import { exported as constants } from './node/platform-constants.ts';
import { exported as process } from './node/process.ts';
import { exported as punycode } from './node/punycode.ts';
import { exported as querystring } from './node/querystring.ts';
import { exported as readline } from './node/readline.ts';
import { exported as readlinePromises } from './node/readline-promises.ts';
import {
  cluster,
  inspector,
  repl,
  traceEvents,
  wasi,
  workerThreads,
} from './node/single-process.ts';
import { exported as stream } from './node/stream.ts';
import { exported as streamConsumers } from './node/stream-consumers.ts';
import { exported as streamPromises } from './node/stream-promises.ts';
import { exported as streamWeb } from './node/stream-web.ts';
import { exported as stringDecoder } from './node/string-decoder.ts';
import { exported as test } from './node/test-runner.ts';
import { exported as timers } from './node/timers.ts';
import { exported as timersPromises } from './node/timers-promises.ts';
import { exported as tls } from './node/tls.ts';
import { exported as tty } from './node/tty.ts';
import { exported as url } from './node/url.ts';
import { exported as util } from './node/util.ts';
import { exported as v8 } from './node/v8.ts';
import { exported as vm } from './node/vm.ts';
import { exported as zlib } from './node/zlib.ts';
import { exported as preempt } from './preempt.ts';

/** `hv/guest` is the one that is not Node's. */
export const nodeModules: Readonly<Record<string, unknown>> = {
  ...legacyHttp,
  assert,
  'assert/strict': (assert as unknown as { strict: unknown }).strict,
  async_hooks: asyncHooks,
  buffer,
  console,
  crypto,
  events,
  fs,
  'fs/promises': fsPromises,
  http,
  'hv/guest': { ...hvGuest, ...preempt },
  'hv/internal/async': { runAsync, runAsyncGenerator },
  'hv/internal/modules': imageModules,
  module,
  net,
  os,
  'node:test': test,
  path,
  'path/posix': (path as unknown as { posix: unknown }).posix,
  'path/win32': (path as unknown as { win32: unknown }).win32,
  perf_hooks: perfHooks,
  process,
  punycode,
  querystring,
  stream,
  _stream_duplex: stream.Duplex,
  _stream_passthrough: stream.PassThrough,
  _stream_readable: stream.Readable,
  _stream_transform: stream.Transform,
  _stream_writable: stream.Writable,
  'stream/consumers': streamConsumers,
  'stream/promises': streamPromises,
  'stream/web': streamWeb,
  string_decoder: stringDecoder,
  sys: util,
  timers,
  'timers/promises': timersPromises,
  child_process: childProcess,
  constants,
  diagnostics_channel: diagnosticsChannel,
  dns,
  dgram,
  http2,
  https,
  tls,
  readline,
  tty,
  v8,
  'dns/promises': dns.promises,
  'readline/promises': readlinePromises,
  cluster,
  inspector,
  'inspector/promises': inspector,
  repl,
  trace_events: traceEvents,
  wasi,
  worker_threads: workerThreads,
  domain,
  vm,
  url,
  util,
  zlib,
  'util/types': (util as unknown as { types: unknown }).types,
};
