/**
 * V8's CallSite objects, made from the text of a stack: what packages get that set
 * `Error.prepareStackTrace` (depd, callsites, source-map-support). Only what a line of text can say.
 */

interface Place {
  readonly name: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

class CallSite {
  readonly #place: Place;
  readonly #text: string;

  constructor(place: Place, text: string) {
    this.#place = place;
    this.#text = text;
  }
  getThis(): undefined {
    return undefined;
  }
  getTypeName(): string {
    return 'Object';
  }
  getFunction(): undefined {
    return undefined;
  }
  getFunctionName(): string | null {
    return this.#place.name;
  }
  getMethodName(): string | null {
    return null;
  }
  getFileName(): string | null {
    return this.#place.file;
  }
  getScriptNameOrSourceURL(): string | null {
    return this.#place.file;
  }
  getLineNumber(): number | null {
    return this.#place.line;
  }
  getColumnNumber(): number | null {
    return this.#place.column;
  }
  getEvalOrigin(): undefined {
    return undefined;
  }
  isToplevel(): boolean {
    return this.#place.name === null;
  }
  isEval(): boolean {
    return false;
  }
  isNative(): boolean {
    return this.#place.file === null;
  }
  isConstructor(): boolean {
    return false;
  }
  isAsync(): boolean {
    return false;
  }
  isPromiseAll(): boolean {
    return false;
  }
  getPromiseIndex(): null {
    return null;
  }
  toString(): string {
    return this.#text;
  }
}

/** One CallSite per frame line ("    at name (file:line:column)"), in order. */
export function callSites(frames: string): CallSite[] {
  if (frames === '') return [];
  return frames.split('\n').map((line) => {
    const text = line.replace(/^ {4}at /, '');
    const named = /^(.*) \((.*)\)$/.exec(text);
    const place = placeOf(named?.[2] ?? text);
    const name = named?.[1] ?? null;
    return new CallSite({ ...place, name: name === 'Object.<anonymous>' ? null : name }, text);
  });
}

/** Splits "file:line:column"; nulls when it is not a position. */
export function placeOf(text: string): Omit<Place, 'name'> {
  const match = /^(.*):(\d+):(\d+)$/.exec(text);
  if (!match) return { file: null, line: null, column: null };
  return { file: match[1] ?? null, line: Number(match[2]), column: Number(match[3]) };
}
