/** The global scope of a guest, as Node 20 has it: not enumerable, replaceable. */

import { installIntl } from './intl.ts';
import { restoreNames } from './module-registry.ts';
import { Buffer } from './node/buffer.ts';
import { globalConsole } from './node/console.ts';
import { Crypto, CryptoKey, exported as crypto, SubtleCrypto } from './node/crypto.ts';
import { exported as perfHooks } from './node/perf-hooks.ts';
import { exported as process, queueMicrotask } from './node/process.ts';
import { standardOutput } from './node/standard-streams.ts';
import { exported as timers } from './node/timers.ts';
import { AbortController, AbortSignal } from './web/abort.ts';
import { atob, btoa } from './web/base64.ts';
import { Blob, File } from './web/blob.ts';
import { BroadcastChannel } from './web/broadcast-channel.ts';
import { CloseEvent } from './web/close-event.ts';
import { DOMException } from './web/dom-exception.ts';
import { EventSource } from './web/event-source.ts';
import { CustomEvent, Event, EventTarget } from './web/event-target.ts';
import { fetch } from './web/fetch.ts';
import { FormData } from './web/form-data.ts';
import { Headers } from './web/headers.ts';
import { MessageEvent } from './web/message-event.ts';
import { MessageChannel, MessagePort } from './web/message-port.ts';
import { Request } from './web/request.ts';
import { Response } from './web/response.ts';
import { defineWebStreams } from './web/streams.ts';
import { structuredClone } from './web/structured-clone.ts';
import { TextDecoder, TextEncoder } from './web/text-encoding.ts';
import { transcodingStreams } from './web/transcoding-streams.ts';
import { URL } from './web/url.ts';
import { URLSearchParams } from './web/url-search-params.ts';
import { WebSocket } from './web/websocket.ts';

export const console = globalConsole(() => [standardOutput(1), standardOutput(2)]);

/** `Performance`, `PerformanceEntry` and so on. */
function performanceClasses(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(perfHooks).filter(([name]) => name.startsWith('Performance')),
  );
}

/** Called once, while the firmware starts. */
export function installGlobals(): void {
  const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } =
    timers;
  const globals: Record<string, unknown> = {
    global: globalThis,
    process,
    Buffer,
    console,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    setImmediate,
    clearImmediate,
    queueMicrotask,
    structuredClone,
    performance: perfHooks.performance,
    ...performanceClasses(),
    AbortController,
    AbortSignal,
    Event,
    EventTarget,
    CustomEvent,
    DOMException,
    TextEncoder,
    TextDecoder,
    Blob,
    File,
    FormData,
    Headers,
    MessageChannel,
    MessagePort,
    MessageEvent,
    BroadcastChannel,
    CloseEvent,
    EventSource,
    WebSocket,
    Request,
    Response,
    fetch,
    URL,
    URLSearchParams,
    ...transcodingStreams,
    atob,
    btoa,
    Crypto,
    CryptoKey,
    SubtleCrypto,
    crypto: (crypto as { webcrypto: unknown }).webcrypto,
  };
  restoreNames(globals);
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, {
      value,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  defineWebStreams(globalThis, false);
  installIntl();
  for (const name of ['dispose', 'asyncDispose']) {
    if (!(name in Symbol)) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`) });
  }
  Object.defineProperty(globalThis, Symbol.toStringTag, { value: 'global', configurable: true });
}
