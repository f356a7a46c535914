/**
 * What the variables of an image are called in the user's files. The bundler renames what collides
 * (`count` of a second file becomes `count2`) and puts the files into one function, or each into a
 * function of its own; the source map says what came from where.
 */

import { IMAGE_FILE } from '../../log-format/index.ts';
import type { Declaration, FunctionNode, FunctionTree } from './scopes.ts';
import type { MappedPlace, StackMap } from './stack-map.ts';

export interface SourceName {
  /** As the user's file spells it. */
  readonly name: string;
  /** The file as the source map names it, a `file:` URL as its path; "" when it is the bundler's. */
  readonly file: string;
  /** Line of the declaration in that file; 0 when unknown. */
  readonly line: number;
  /** Declared at the top of its file, and not inside a function of it. */
  readonly isTopLevel: boolean;
}

/** A function of the image that is a whole file, or all of them, and the lines it takes up. */
interface FileScope {
  readonly node: FunctionNode;
  readonly from: number;
  readonly to: number;
}

interface Occurrence {
  readonly place: MappedPlace;
  /** 2: a declaration without doubt; 1: probably; 0: any use. */
  readonly rank: number;
}

/** What the bundler writes before the function that holds a CommonJS file. */
const FILE_WRAPPER = /__commonJS\w*\(\{\s*$/;
const IDENTIFIER = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const DECLARES = /\b(?:var|let|const|class|function)\b[\s*]*$/;
const MAY_DECLARE = /^\s*(?:var|let|const)\b/;
const HELPER: SourceName = { name: '', file: '', line: 0, isTopLevel: false };

export class SourceNames {
  readonly #lines: readonly string[];
  readonly #lineStarts: readonly number[];
  readonly #scopes: readonly FileScope[];
  readonly #stackMap: StackMap;
  readonly #byDeclaration = new Map<Declaration, SourceName>();
  /** Best occurrence of a name in a file scope, by both. */
  #occurrences: Map<string, Occurrence> | undefined;
  /** Places where the image spells a name in its own way, by that spelling. */
  readonly #renames = new Map<string, MappedPlace[]>();
  readonly #firstOfLine = new Map<number, MappedPlace>();
  /** Names that closures take from a file scope: the only ones worth an entry. */
  readonly #captured: ReadonlySet<string>;
  #isMapped = false;

  constructor(image: Uint8Array, tree: FunctionTree, stackMap: StackMap) {
    this.#lines = new TextDecoder().decode(image).split('\n');
    this.#stackMap = stackMap;
    const starts = [0];
    for (let at = image.indexOf(10); at >= 0; at = image.indexOf(10, at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    this.#scopes = tree.nodes
      .filter((node) => node.parent === undefined || this.#isFile(node))
      .map((node) => ({ node, from: node.line, to: this.#lastLine(node) }))
      .sort((left, right) => left.from - right.from);
    const scopes = new Set<FunctionNode | undefined>(this.#scopes.map(({ node }) => node));
    this.#captured = new Set(
      tree.nodes
        .filter(({ parent }) => scopes.has(parent))
        .flatMap(({ captures }) => captures.map(({ name }) => name)),
    );
  }

  /** Cached; the first call reads the source map. */
  of(declaration: Declaration): SourceName {
    let found = this.#byDeclaration.get(declaration);
    if (found === undefined) {
      found = this.#find(declaration);
      this.#byDeclaration.set(declaration, found);
    }
    return found;
  }

  #find({ name, owner, isArgument }: Declaration): SourceName {
    this.#occurrences ??= this.#read();
    const isTopLevel = this.#scopes.some(({ node }) => node === owner);
    if (!this.#isMapped) return { name, file: IMAGE_FILE, line: 0, isTopLevel };
    if (!isTopLevel) {
      const place = this.#placeOf(owner);
      const spelt = this.#spelling(name, owner);
      return { name: spelt, file: fileOf(place?.source ?? ''), line: 0, isTopLevel };
    }
    // `require`, `module` and their like: everybody's, declared in no file.
    if (isArgument) return HELPER;
    const best = this.#occurrences.get(keyOf(owner, name));
    if (best === undefined) return HELPER;
    const { source, sourceLine, name: original } = best.place;
    const spelt = original ?? this.#spelling(name, owner);
    return { name: spelt, file: fileOf(source), line: sourceLine, isTopLevel };
  }

  #isFile({ line, column, parent }: FunctionNode): boolean {
    if (parent === undefined || parent.parent !== undefined) return false;
    const before = `${this.#lines[line - 2] ?? ''}\n${this.#lines[line - 1]?.slice(0, column - 1) ?? ''}`;
    return FILE_WRAPPER.test(before);
  }

  #lastLine({ line, column, length }: FunctionNode): number {
    const end = (this.#lineStarts[line - 1] ?? 0) + column - 1 + length;
    let last = line;
    while ((this.#lineStarts[last] ?? Number.POSITIVE_INFINITY) < end) last += 1;
    return last;
  }

  /** The name in the user's file of a variable the function or one inside it uses. */
  #spelling(name: string, owner: FunctionNode): string {
    const places = this.#renames.get(name);
    if (places === undefined) return name;
    const to = this.#lastLine(owner);
    const inside = places.find(({ line }) => line >= owner.line && line <= to);
    return inside?.name ?? name;
  }

  /** The first mapped place of the line a function begins in. */
  #placeOf({ line }: FunctionNode): MappedPlace | undefined {
    return this.#firstOfLine.get(line);
  }

  #read(): Map<string, Occurrence> {
    const found = new Map<string, Occurrence>();
    for (const place of this.#stackMap.places()) {
      this.#isMapped = true;
      if (!this.#firstOfLine.has(place.line)) this.#firstOfLine.set(place.line, place);
      const text = this.#lines[place.line - 1] ?? '';
      const name = identifierAt(text, place.column);
      if (name === undefined) continue;
      if (place.name !== undefined && place.name !== name) this.#noteRename(name, place);
      if (!this.#captured.has(name)) continue;
      const before = text.slice(Math.max(place.column - 40, 0), place.column);
      if (/\.\s*$/.test(before)) continue;
      const rank = DECLARES.test(before) ? 2 : MAY_DECLARE.test(text) ? 1 : 0;
      const key = keyOf(this.#scopeAt(place.line), name);
      const known = found.get(key);
      if (known === undefined || known.rank < rank) found.set(key, { place, rank });
    }
    return found;
  }

  #noteRename(name: string, place: MappedPlace): void {
    const places = this.#renames.get(name);
    if (places === undefined) this.#renames.set(name, [place]);
    else places.push(place);
  }

  /** The innermost file scope around a line: the last that begins before it and ends behind it. */
  #scopeAt(line: number): FunctionNode | undefined {
    let low = 0;
    let high = this.#scopes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#scopes[middle] as FileScope).from <= line) low = middle + 1;
      else high = middle;
    }
    const inner = this.#scopes[low - 1];
    return inner !== undefined && inner.to >= line ? inner.node : this.#scopes[0]?.node;
  }
}

function keyOf(owner: FunctionNode | undefined, name: string): string {
  return `${owner?.line ?? 0}:${owner?.column ?? 0}:${name}`;
}

function identifierAt(text: string, column: number): string | undefined {
  IDENTIFIER.lastIndex = column;
  return IDENTIFIER.exec(text)?.[0];
}

function fileOf(source: string): string {
  if (!source.startsWith('file://')) return source;
  try {
    return decodeURIComponent(source.slice('file://'.length));
  } catch {
    // A stray per cent sign: the text as it is names the file well enough.
    return source.slice('file://'.length);
  }
}
