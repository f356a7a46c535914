/**
 * Positions of the image mapped back to the user's files, through the source map that travels in the
 * log. The only importer of @jridgewell/trace-mapping.
 */

import {
  decodedMappings,
  originalPositionFor,
  sourceContentFor,
  TraceMap,
} from '@jridgewell/trace-mapping';
import { IMAGE_FILE } from '../../log-format/index.ts';

const POSITION = new RegExp(`${IMAGE_FILE}:(\\d+)(?::(\\d+))?`, 'g');

/** A place of the image that the map knows. Lines count from 1, columns from 0. */
export interface MappedPlace {
  readonly line: number;
  readonly column: number;
  readonly source: string;
  readonly sourceLine: number;
  /** How the user's file spells what the image renamed. */
  readonly name: string | undefined;
}

export class StackMap {
  readonly #json: Uint8Array;
  #map: TraceMap | undefined;

  /** `json`: a source map version 3, or no bytes when there is none. Parsed on first use. */
  constructor(json: Uint8Array) {
    this.#json = json;
  }

  /** `text` with every position of the image replaced, where the map knows better. */
  map(text: string): string {
    return text.replace(POSITION, (whole, line: string, column: string | undefined) => {
      const map = this.#load();
      if (map === undefined) return whole;
      const found = originalPositionFor(map, {
        line: Number(line),
        column: Math.max(Number(column ?? 1) - 1, 0),
      });
      if (found.source === null || found.line === null) return whole;
      return `${found.source}:${found.line}:${(found.column ?? 0) + 1}`;
    });
  }

  /** The text of line `line` in "file:line", or "" when it is not in the image. */
  sourceLine(fileAndLine: string): string {
    const cut = fileAndLine.lastIndexOf(':');
    const map = this.#load();
    if (map === undefined || cut < 0) return '';
    const content = sourceContentFor(map, fileAndLine.slice(0, cut));
    return content?.split('\n')[Number(fileAndLine.slice(cut + 1)) - 1] ?? '';
  }

  /** Every mapped place of the image, in its order. */
  *places(): IterableIterator<MappedPlace> {
    const map = this.#load();
    if (map === undefined) return;
    for (const [index, segments] of decodedMappings(map).entries()) {
      for (const [column, source, sourceLine, , name] of segments) {
        const file = source === undefined ? null : map.sources[source];
        if (typeof file !== 'string' || sourceLine === undefined) continue;
        yield {
          line: index + 1,
          column,
          source: file,
          sourceLine: sourceLine + 1,
          name: name === undefined ? undefined : map.names[name],
        };
      }
    }
  }

  #load(): TraceMap | undefined {
    if (this.#map === undefined && this.#json.length > 0)
      this.#map = new TraceMap(new TextDecoder().decode(this.#json));
    return this.#map;
  }
}
