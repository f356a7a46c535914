/**
 * Looks into a guest: evaluates expressions on a copy of it, lists the variables of its files and
 * shows its state as a tree. The machine looked into is only ever read.
 *
 * What a name in an expression means, first match: a variable at the top level of one of the user's
 * files; one of a package's files; one inside a function that is alive; a global. The bundler's
 * renaming is undone: names are those of the files. Of two with the same standing neither is taken,
 * the error lists them. To choose: `$scope('store.js').count` is `count` at the top level of the file
 * whose path ends with `store.js`; `$all('client')` is an array of the values of every variable named
 * `client`, one per living instance of the function that declares it. Names are taken as they stand
 * in the expression; code it builds at run time sees those and globals.
 *
 * Only variables some living function can still reach exist for the engine, and so for us.
 */

import { FIRMWARE_FILE, firmwareParts } from '../../log-format/index.ts';
import { InvariantError } from '../base/assert.ts';
import type { EngineParts } from './engine.ts';
import { type Evaluation, Evaluator, type Sight } from './evaluator.ts';
import { CONTEXT } from './heap-layout.ts';
import { probeHeap } from './heap-probe.ts';
import { type HeapProperty, HeapReader } from './heap-reader.ts';
import { treeAt } from './heap-tree.ts';
import { type NamedVariable, ScopeView } from './scope-view.ts';
import { addressOf, FunctionTree, findCaptured } from './scopes.ts';
import { SourceNames } from './source-names.ts';
import { type InspectionSource, SpareEngine } from './spare-engine.ts';
import { StackMap } from './stack-map.ts';
import { treeText } from './tree-text.ts';

export type { Evaluation } from './evaluator.ts';
export type { InspectionSource } from './spare-engine.ts';

export interface InspectorOptions {
  readonly parts: EngineParts;
  /** Those of the log's header. */
  readonly header: { readonly memoryPages: number; readonly stackBytes: number };
  /** As in MachineOptions. Without it an expression has those parts of it that the guest has used. */
  readonly firmware?: Uint8Array;
  /** The guest's image and its source map, as in MachineOptions. */
  readonly image: Uint8Array;
  readonly sourceMap: Uint8Array;
  /** Asked at every interrupt poll of an evaluation: true ends it, as its limit of ticks does. */
  readonly shouldStop?: () => boolean;
}

export interface ListedVariable {
  readonly name: string;
  /** The function that declares it; "" at the top level of the file. */
  readonly owner: string;
  readonly file: string;
  /** Its value on one line. */
  readonly preview: string;
}

const PREVIEW_LIMITS = { depth: 1, entriesMax: 5, charactersMax: 100 };
const PREVIEW_CHARACTERS = 100;
/** Instances of one variable in a list for people. */
const INSTANCES_MAX = 20;
/** The path of names a completion is for, at the end of what was typed. */
const PATH =
  /(?:[\p{ID_Start}$_][\p{ID_Continue}$]*\s*\.\s*)*[\p{ID_Start}$_]?[\p{ID_Continue}$]*$/u;
const HELPERS = ['$scope', '$all'];

export class Inspector {
  readonly #spare: SpareEngine;
  readonly #reader: HeapReader;
  readonly #functions: FunctionTree;
  readonly #names: SourceNames;
  #source: InspectionSource | undefined;
  #sight: Sight | undefined;
  #isTouched = false;

  /**
   * Boots a spare engine, probes its memory layout and compiles the image once; then it serves any
   * number of loads. Throws InvariantError when the layout is not the known one.
   */
  constructor(options: InspectorOptions) {
    const stackMap = new StackMap(options.sourceMap);
    const firmware = options.firmware === undefined ? [] : firmwareParts(options.firmware);
    const guest = { stackMap, firmware };
    this.#spare = new SpareEngine(options.parts, options.header, guest, options.shouldStop);
    const { engine } = this.#spare;
    this.#reader = new HeapReader(engine);
    probeHeap(engine);
    this.#functions = new FunctionTree(engine, options.image);
    this.#names = new SourceNames(options.image, this.#functions, stackMap);
  }

  /**
   * Copies a machine's memory. `source.memory` must stay as it is until the next load, because each
   * evaluation begins with a fresh copy of it: after the machine has run, load again.
   */
  load(source: InspectionSource): void {
    this.#spare.load(source);
    this.#reader.reset();
    this.#source = source;
    this.#sight = undefined;
    this.#isTouched = false;
  }

  /**
   * Evaluates JavaScript, an expression or statements (their completion value), in sloppy mode with
   * `this` the global object. May change the copy and nothing else; the next call begins afresh. It
   * ends after `ticksMax` ticks, unless it is inside a built-in that never polls (sorting without a
   * comparator, searching a huge string).
   */
  evaluate(expression: string, options: { readonly ticksMax: number }): Evaluation {
    const sight = this.#fresh();
    this.#isTouched = true;
    this.#spare.budget(options.ticksMax);
    const evaluator = new Evaluator(this.#spare, this.#reader, sight);
    const done = this.#spare.guard(() => evaluator.run(expression));
    if (done !== undefined) return done;
    const error = 'the expression was stopped: the copy ran out of memory or of native stack';
    return { ok: false, error, kind: 'limit' };
  }

  /**
   * The variables of the guest's files, the top level of its own files first; of one with several
   * instances the first INSTANCES_MAX.
   */
  variables(): readonly ListedVariable[] {
    return this.#listed().flatMap((one) => {
      const { name, file, isTopLevel, declaration } = one;
      const owner = isTopLevel ? '' : declaration.owner.name;
      return one.records.slice(0, INSTANCES_MAX).map((record) => {
        const tree = treeAt(this.#reader, addressOf(this.#reader, record), PREVIEW_LIMITS);
        return { name, owner, file, preview: treeText(tree, PREVIEW_CHARACTERS) };
      });
    });
  }

  /**
   * The state as plain data (heap-tree.ts), for comparing: `globals` the guest added (enumerable
   * ones), `files` with the variables at their top level, `closures` with those inside functions, by
   * "file function", one value for each living instance. Deterministic; runs no guest code.
   * `depth` levels below a variable, `entriesMax` entries of any one object.
   */
  tree(options: { readonly depth: number; readonly entriesMax: number }): unknown {
    const listed = this.#listed();
    const at = (address: number): unknown => treeAt(this.#reader, address, options);
    const globals = this.#globals().filter(
      ({ enumerable, valueAt }) => enumerable && valueAt !== 0,
    );
    const files: Record<string, Record<string, unknown>> = {};
    const closures: Record<string, Record<string, unknown[]>> = {};
    for (const { name, file, isTopLevel, declaration, records } of listed) {
      const shown = records.slice(0, options.entriesMax);
      const values = shown.map((record) => at(addressOf(this.#reader, record)));
      if (isTopLevel) {
        const known = files[file] ?? {};
        files[file] = known;
        known[name] ??= values[0];
      } else {
        const place = `${file} ${declaration.owner.name}`;
        const known = closures[place] ?? {};
        closures[place] = known;
        known[name] = [...(known[name] ?? []), ...values];
      }
    }
    return {
      globals: Object.fromEntries(
        globals.slice(0, options.entriesMax).map(({ name, valueAt }) => [name, at(valueAt)]),
      ),
      files,
      closures,
    };
  }

  /**
   * What the path of names at the end of `prefix` may become, whole paths, sorted: variables and
   * globals, or after a dot the properties of the value. Runs no guest code: nothing after a call, an
   * index, a getter or a proxy.
   */
  completions(prefix: string): string[] {
    const path = (PATH.exec(prefix)?.[0] ?? '').split('.').map((one) => one.trim());
    const last = path.pop() ?? '';
    if (path.length === 0 && /[\])'"`]\s*\.\s*$/.test(prefix)) return [];
    const before = path.length === 0 ? '' : `${path.join('.')}.`;
    const found =
      path.length === 0
        ? [...this.#fresh().view.names(), ...HELPERS, ...this.#globalNames()]
        : this.#propertyNames(path);
    const fitting = found.filter((one) => one.startsWith(last));
    return [...new Set(fitting)].sort().map((one) => before + one);
  }

  /** An untouched copy, and what is known of it. */
  #fresh(): Sight {
    if (this.#source === undefined)
      throw new InvariantError('an inspector is loaded before it looks');
    if (this.#isTouched) {
      this.#spare.load(this.#source);
      this.#reader.reset();
      this.#isTouched = false;
    }
    this.#sight ??= {
      view: new ScopeView(this.#functions.variables(this.#reader), this.#names),
      globals: this.#globalNames(),
      inspectHook: findCaptured(this.#reader, FIRMWARE_FILE, 'inspectHook'),
    };
    return this.#sight;
  }

  #listed(): NamedVariable[] {
    return this.#fresh()
      .view.variables.filter(({ file }) => file !== '')
      .toSorted(
        (a, b) =>
          a.rank - b.rank || compare(a.file, b.file) || a.line - b.line || compare(a.name, b.name),
      );
  }

  /** Properties of the global object, then global `let`, `const` and `class`. */
  #globals(): HeapProperty[] {
    const { context } = this.#spare.engine;
    return [CONTEXT.globalObject, CONTEXT.globalScope].flatMap((offset) =>
      this.#reader.properties(this.#reader.u32(context + offset)),
    );
  }

  #globalNames(): string[] {
    return this.#globals().flatMap(({ name, kind }) => (kind === 'string' ? [name] : []));
  }

  #propertyNames(path: readonly string[]): string[] {
    const object = this.#walk(path);
    if (object === 0) return [];
    return this.#reader
      .prototypeChain(object)
      .flatMap((at) => this.#reader.properties(at))
      .flatMap(({ name, kind }) => (kind === 'string' && NAME.test(name) ? [name] : []));
  }

  /** The object a path of names leads to, or the prototype of the primitive; 0 when there is none. */
  #walk([first = '', ...rest]: readonly string[]): number {
    const found = this.#fresh().view.resolve(first);
    let at =
      found.type === 'found'
        ? addressOf(this.#reader, found.record)
        : (this.#globals().find(({ name, kind }) => kind === 'string' && name === first)?.valueAt ??
          0);
    for (const name of rest) {
      const object = at === 0 ? 0 : this.#objectAt(at);
      at = object === 0 ? 0 : (this.#reader.find(object, name)?.valueAt ?? 0);
    }
    return at === 0 ? 0 : this.#objectAt(at);
  }

  #objectAt(at: number): number {
    const value = this.#reader.value(at, 0);
    if (value.type === 'object') return value.at;
    const prototype = PROTOTYPES[value.type];
    return prototype === undefined ? 0 : this.#walk([prototype, 'prototype']);
  }
}

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const PROTOTYPES: Readonly<Record<string, string>> = {
  string: 'String',
  number: 'Number',
  boolean: 'Boolean',
  symbol: 'Symbol',
  bigint: 'BigInt',
};

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
