/** Entries of kind "resource" (Resource Timing): what `performance.markResourceTiming` makes. */

import { exposeInterface } from '../web/interface.ts';
import { nodeError } from './node-errors.ts';
import { PerformanceEntry } from './perf-observer.ts';

interface ConnectionTiming {
  readonly domainLookupStartTime?: number;
  readonly domainLookupEndTime?: number;
  readonly connectionStartTime?: number;
  readonly connectionEndTime?: number;
  readonly secureConnectionStartTime?: number;
  readonly ALPNNegotiatedProtocol?: string;
}

/** The times of a fetch in milliseconds, by the names the Fetch standard has for them. */
interface FetchTiming {
  readonly startTime: number;
  readonly endTime: number;
  readonly redirectStartTime?: number;
  readonly redirectEndTime?: number;
  readonly postRedirectStartTime?: number;
  readonly finalServiceWorkerStartTime?: number;
  readonly finalNetworkRequestStartTime?: number;
  readonly finalNetworkResponseStartTime?: number;
  readonly finalConnectionTimingInfo?: ConnectionTiming | null;
  readonly encodedBodySize?: number;
  readonly decodedBodySize?: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Header bytes that every response is taken to have (Resource Timing, section 4.3). */
const HEADER_BYTES = 300;
let fieldsOf: (entry: PerformanceResourceTiming) => Fields;

export class PerformanceResourceTiming extends PerformanceEntry {
  readonly #fields: Fields;

  constructor(name?: string, fields?: Fields) {
    if (name === undefined || fields === undefined) {
      throw nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    }
    const startTime = fields.startTime as number;
    const duration = (fields.responseEnd as number) - startTime;
    super({ name, entryType: 'resource', startTime, duration, detail: undefined });
    this.#fields = fields;
  }

  override toJSON(): object {
    const { startTime: _known, ...fields } = this.#fields;
    return { ...super.toJSON(), ...fields };
  }

  static {
    fieldsOf = (entry) => entry.#fields;
  }
}

const NAMES =
  'initiatorType workerStart redirectStart redirectEnd fetchStart domainLookupStart domainLookupEnd connectStart connectEnd secureConnectionStart nextHopProtocol requestStart responseStart responseEnd encodedBodySize decodedBodySize transferSize deliveryType responseStatus';
for (const name of NAMES.split(' ')) {
  Object.defineProperty(PerformanceResourceTiming.prototype, name, {
    get(this: PerformanceResourceTiming): unknown {
      return fieldsOf(this)[name];
    },
    configurable: true,
  });
}
exposeInterface(PerformanceResourceTiming, 'PerformanceResourceTiming');

/** The entry for a fetch of `url`; `cache` is "local" for what came out of one. */
export function resourceTiming(
  timing: FetchTiming,
  url: unknown,
  initiator: unknown,
  how: { readonly cache: unknown; readonly status: unknown; readonly delivery: unknown },
): PerformanceResourceTiming {
  const { cache, status, delivery } = how;
  if (cache !== '' && cache !== 'local') {
    const text = "cache must be an empty string or 'local'";
    throw nodeError(Error, 'ERR_INTERNAL_ASSERTION', text);
  }
  const connection = timing.finalConnectionTimingInfo;
  const encoded = timing.encodedBodySize;
  return new PerformanceResourceTiming(String(url), {
    startTime: timing.startTime,
    initiatorType: initiator,
    nextHopProtocol: connection?.ALPNNegotiatedProtocol,
    workerStart: timing.finalServiceWorkerStartTime,
    redirectStart: timing.redirectStartTime,
    redirectEnd: timing.redirectEndTime,
    fetchStart: timing.postRedirectStartTime,
    domainLookupStart: connection?.domainLookupStartTime,
    domainLookupEnd: connection?.domainLookupEndTime,
    connectStart: connection?.connectionStartTime,
    connectEnd: connection?.connectionEndTime,
    secureConnectionStart: connection?.secureConnectionStartTime,
    requestStart: timing.finalNetworkRequestStartTime,
    responseStart: timing.finalNetworkResponseStartTime,
    responseEnd: timing.endTime,
    transferSize: cache === 'local' ? 0 : (encoded ?? 0) + HEADER_BYTES,
    encodedBodySize: encoded,
    decodedBodySize: timing.decodedBodySize,
    deliveryType: delivery,
    responseStatus: status,
  });
}
