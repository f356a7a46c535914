/**
 * `node:v8`: values as bytes in V8's own format, and what is true of the engine a guest runs on. Its
 * heap is not visible from inside: figures that would differ from one read to the next are 0.
 */

import { bootConfig } from '../boot-config.ts';
import { Buffer } from './buffer.ts';
import { inspectHook } from './inspect-hook.ts';
import { nodeError } from './node-errors.ts';
import { throwers, throwing } from './refusals.ts';
import { Deserializer } from './v8-reader.ts';
import { classOfView, Serializer } from './v8-writer.ts';
import { validateString } from './validators.ts';

/** Node's numbers for the classes of views. A Buffer is the eleventh. */
const VIEWS =
  'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array DataView Buffer BigInt64Array BigUint64Array'.split(
    ' ',
  );
const BUFFER = VIEWS.indexOf('Buffer');

class DefaultSerializer extends Serializer {
  constructor() {
    super();
    this._setTreatArrayBufferViewsAsHostObjects(true);
  }

  _getDataCloneError = Error;

  _writeHostObject(view: ArrayBufferView): void {
    if (!ArrayBuffer.isView(view)) {
      throw new this._getDataCloneError(`Unserializable host object: ${inspectHook.inspect(view)}`);
    }
    const index = Buffer.isBuffer(view) ? BUFFER : VIEWS.indexOf(classOfView(view));
    this.writeUint32(index);
    this.writeUint32(view.byteLength);
    this.writeRawBytes(view);
  }
}

class DefaultDeserializer extends Deserializer {
  _readHostObject(): unknown {
    const index = this.readUint32();
    const length = this.readUint32();
    const bytes = this.readRawBytes(length);
    if (index === BUFFER) return bytes;
    const View = (globalThis as unknown as Record<string, new (...args: unknown[]) => unknown>)[
      VIEWS[index] ?? ''
    ];
    if (View === undefined) throw new Error('Unable to deserialize cloned data.');
    const { BYTES_PER_ELEMENT: width = 1 } = View as unknown as { BYTES_PER_ELEMENT?: number };
    const aligned = bytes.byteOffset % width === 0 ? bytes : Uint8Array.from(bytes);
    return new View(aligned.buffer, aligned.byteOffset, length / width);
  }
}

function serialize(value: unknown): Buffer {
  const serializer = new DefaultSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

function deserialize(buffer: unknown): unknown {
  const deserializer = new DefaultDeserializer(buffer as ArrayBufferView);
  deserializer.readHeader();
  return deserializer.readValue();
}

function zeros(names: string): Record<string, number> {
  return Object.fromEntries(names.split(' ').map((name) => [name, 0]));
}

function getHeapStatistics(): Record<string, number> {
  return {
    ...zeros(
      'total_heap_size total_heap_size_executable total_physical_size total_available_size used_heap_size',
    ),
    heap_size_limit: bootConfig().heapBytesMax,
    ...zeros('malloced_memory peak_malloced_memory does_zap_garbage'),
    number_of_native_contexts: 1,
    ...zeros('number_of_detached_contexts total_global_handles_size used_global_handles_size'),
    external_memory: 0,
  };
}

function notBuilding(): never {
  const text = 'Operation cannot be invoked when not building startup snapshot';
  throw nodeError(Error, 'ERR_NOT_BUILDING_SNAPSHOT', text);
}

const INSPECT = '`hv inspect` on the log of this guest';

export const exported: Record<string, unknown> = {
  cachedDataVersionTag: (): number => 0,
  getHeapStatistics,
  getHeapSpaceStatistics: (): object[] => [],
  getHeapCodeStatistics: (): object =>
    zeros(
      'code_and_metadata_size bytecode_and_metadata_size external_script_source_size cpu_profiler_metadata_size',
    ),
  setFlagsFromString(flags: unknown): void {
    validateString(flags, 'flags');
  },
  Serializer,
  Deserializer,
  DefaultSerializer,
  DefaultDeserializer,
  deserialize,
  takeCoverage(): void {},
  stopCoverage(): void {},
  serialize,
  ...throwers('v8', 'getHeapSnapshot writeHeapSnapshot queryObjects', INSPECT),
  isStringOneByteRepresentation(content: unknown): boolean {
    validateString(content, 'content');
    return !/[^\0-\xff]/.test(content);
  },
  promiseHooks: throwers(
    'v8.promiseHooks',
    'createHook onInit onBefore onAfter onSettled',
    'async_hooks.createHook',
  ),
  startupSnapshot: {
    addDeserializeCallback: notBuilding,
    addSerializeCallback: notBuilding,
    setDeserializeMainFunction: notBuilding,
    isBuildingSnapshot: (): boolean => false,
  },
  setHeapSnapshotNearHeapLimit(): void {},
  GCProfiler: throwing('v8', 'GCProfiler'),
};
