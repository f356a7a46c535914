/**
 * One evaluation in a copy of a guest. The expression runs as a direct, sloppy eval inside
 * `with (scope)`, where `scope` has an accessor for every variable the expression names: reading and
 * assigning go to the variable itself. Nothing of the guest's globals is needed, so a guest that
 * deleted or replaced them is evaluated in all the same.
 */

import { FIRMWARE_FILE } from '../../log-format/index.ts';
import { isException } from './engine.ts';
import { COMPILE_ONLY } from './engine-abi.ts';
import { CONTEXT, HEADER } from './heap-layout.ts';
import type { HeapReader } from './heap-reader.ts';
import { treeAt } from './heap-tree.ts';
import { type NamedVariable, nearest, type ScopeView } from './scope-view.ts';
import { addressOf } from './scopes.ts';
import type { SpareEngine } from './spare-engine.ts';
import { treeText } from './tree-text.ts';
import { newText, readText } from './values.ts';

export type Evaluation =
  | {
      readonly ok: true;
      /** As util.inspect shows it. */
      readonly text: string;
      /** The value as JSON (heap-tree.ts); undefined for undefined, functions and symbols. */
      readonly json: unknown;
      /** `typeof`, or "null", or the name of the object's class. */
      readonly type: string;
    }
  | { readonly ok: false; readonly error: string; readonly kind: FailureKind };

export type FailureKind = 'syntax' | 'guest' | 'no-such-variable' | 'limit';

const FILE = 'hv:inspect';
const IDENTIFIERS = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
const NOT_DEFINED = /^ReferenceError: '?([^' ]+)'? is not defined$/;
/** `eval` is the engine's own here, whatever the guest made of the global of that name. */
const RUNNER = '(function (eval) { with (arguments[1]) return eval(arguments[2]); })';
const JSON_LIMITS = { depth: 30, entriesMax: 10_000, charactersMax: 1_000_000 };
const TEXT_LIMITS = { depth: 3, entriesMax: 100, charactersMax: 10_000 };
const TEXT_CHARACTERS_MAX = 10_000;
const CHOICES_MAX = 8;
const FRAMES_MAX = 10;
const FRAMES_TICKS_MAX = 1_000_000;
/** Frames that are not of the user's files. */
const OURS = new RegExp(`<input>|${FIRMWARE_FILE}|hv:inspect|native`);

/** What is known of a copy before anything runs in it. */
export interface Sight {
  readonly view: ScopeView;
  /** Names of globals, for suggestions. */
  readonly globals: readonly string[];
  /** Address of the firmware's `inspectHook` (guest-sdk/node/inspect-hook.ts); 0 without. */
  readonly inspectHook: number;
}

export class Evaluator {
  readonly #spare: SpareEngine;
  readonly #reader: HeapReader;
  readonly #view: ScopeView;
  readonly #globals: readonly string[];
  readonly #inspectHook: number;
  /** Records of the variables the expression may reach; accessors use the index. */
  readonly #reached: number[] = [];
  /** Why a name could not be given a meaning; outranks whatever came of that. */
  #refusal: string | undefined;

  /** For one `run` in a freshly loaded copy. */
  constructor(spare: SpareEngine, reader: HeapReader, sight: Sight) {
    this.#spare = spare;
    this.#reader = reader;
    this.#view = sight.view;
    this.#globals = sight.globals;
    this.#inspectHook = sight.inspectHook;
  }

  run(expression: string): Evaluation {
    const code = this.#parse(expression);
    if (typeof code !== 'string') return code;
    const { engine } = this.#spare;
    const value = this.#call(RUNNER, [
      engine.context + CONTEXT.evalFunction,
      this.#scope(expression),
      newText(engine, code),
    ]);
    this.#reader.reset();
    if (this.#spare.stopping) return this.#stopped();
    if (this.#refusal !== undefined)
      return { ok: false, error: this.#refusal, kind: 'no-such-variable' };
    if (isException(engine, value)) return this.#failure(expression, value);
    return this.#success(value);
  }

  /** The expression, in parentheses if it can stand in them: `{ a: 1 }` is an object, then. */
  #parse(expression: string): string | Evaluation {
    const inParentheses = `(${expression}\n)`;
    if (this.#syntaxError(inParentheses) === undefined) return inParentheses;
    const error = this.#syntaxError(expression);
    return error === undefined ? expression : { ok: false, error, kind: 'syntax' };
  }

  #syntaxError(code: string): string | undefined {
    const { engine } = this.#spare;
    const bytes = new TextEncoder().encode(code);
    const at = engine.allocate(bytes.length + 1);
    engine.u8.set(bytes, at);
    engine.u8[at + bytes.length] = 0;
    const name = engine.cString(FILE);
    const { context } = engine;
    const value = engine.call.evaluate(context, at, bytes.length, name, 0, COMPILE_ONLY);
    engine.call.free(at);
    engine.call.free(name);
    if (!isException(engine, value)) {
      engine.freeValue(value);
      return undefined;
    }
    return this.#errorText(engine.call.resolveException(context, value));
  }

  /** An object with an accessor for each name in the expression that is a variable of the guest. */
  #scope(expression: string): number {
    const parts = [...new Set(expression.match(IDENTIFIERS))].flatMap((name) => {
      const found = this.#view.resolve(name);
      if (found.type === 'found') return [this.#accessor(name, found.record)];
      if (found.type === 'none') return [];
      const text = JSON.stringify(this.#ambiguity(name, found.candidates));
      return [`get ${JSON.stringify(name)}() { throw refuse(${text}) }`];
    });
    const helpers = '$scope: arguments[3], $all: arguments[4]';
    return this.#object(
      `({ __proto__: null, ${[helpers, ...parts].join(', ')} })`,
      this.#spare.newFunction((argv) => this.#scopeOf(readText(this.#spare.engine, argv, 0))),
      this.#spare.newFunction((argv) => this.#allOf(readText(this.#spare.engine, argv, 0))),
    );
  }

  /** Evaluates an expression in which `read`, `write` and `refuse` are ours. */
  #object(text: string, ...rest: number[]): number {
    const { engine } = this.#spare;
    return this.#call(`(function (read, write, refuse) { return ${text}; })`, [
      this.#spare.newFunction((argv) => this.#read(engine.i32[argv >> 2] as number)),
      this.#spare.newFunction((argv) => this.#write(engine.i32[argv >> 2] as number, argv + 8)),
      this.#spare.newFunction((argv) => this.#refuse(readText(engine, argv, 0))),
      ...rest,
    ]);
  }

  #accessor(name: string, record: number): string {
    const number = this.#reach(record);
    const key = JSON.stringify(name);
    return `get ${key}() { return read(${number}) }, set ${key}(value) { write(${number}, value) }`;
  }

  /** Its number. The variable must outlive the closures over it, which the expression may drop. */
  #reach(record: number): number {
    const { u32 } = this.#spare.engine;
    const references = (record + HEADER.references) >> 2;
    u32[references] = (u32[references] as number) + 1;
    return this.#reached.push(record) - 1;
  }

  #read(number: number): number {
    const record = this.#reached[number];
    if (record === undefined) return 0;
    const { engine } = this.#spare;
    return engine.call.dupValue(engine.context, addressOf(this.#reader, record));
  }

  #write(number: number, value: number): number {
    const record = this.#reached[number];
    if (record === undefined) return 0;
    const { engine } = this.#spare;
    const target = addressOf(this.#reader, record);
    const held = engine.call.dupValue(engine.context, value);
    for (const word of [0, 1]) {
      const old = engine.u32[(target >> 2) + word] as number;
      engine.u32[(target >> 2) + word] = engine.u32[(held >> 2) + word] as number;
      engine.u32[(held >> 2) + word] = old;
    }
    engine.freeValue(held);
    return 0;
  }

  #refuse(text: string): number {
    this.#refusal ??= text;
    return 0;
  }

  /** `$scope(file)`: an object of the variables at the top level of a file. */
  #scopeOf(file: string): number {
    const files = this.#view.filesLike(file);
    const [only] = files;
    if (only === undefined || files.length !== 1) {
      const known =
        only === undefined ? this.#view.files().map((one) => this.#view.shortName(one)) : files;
      return this.#refuse(
        `$scope('${file}') names ${files.length === 0 ? 'no file' : 'several files'} with variables: ${list(known)}`,
      );
    }
    const parts = this.#view
      .topLevel(only)
      .map(({ name, records }) => this.#accessor(name, records[0] as number));
    return this.#object(`({ ${parts.join(', ')} })`);
  }

  /** `$all(name)`: the values of every variable of that name, in any function and file. */
  #allOf(name: string): number {
    const reads = this.#view.all(name).map((record) => `read(${this.#reach(record)})`);
    return this.#object(`[${reads.join(', ')}]`);
  }

  #ambiguity(name: string, candidates: readonly NamedVariable[]): string {
    const count = candidates.reduce((sum, { records }) => sum + records.length, 0);
    const places = new Set(candidates.map((one) => this.#view.placeOf(one)));
    if (places.size === 1 || candidates.some((one) => !one.isTopLevel))
      return `${name} is ${count} variables (${list([...places])}): $all('${name}') is an array of their values`;
    const first = candidates[0] as NamedVariable;
    return `${name} is declared in several files (${list([...places])}): say $scope('${this.#view.shortName(first.file)}').${name}`;
  }

  /** Calls a function given as source text. Every argument is an owned value or static memory. */
  #call(source: string, args: readonly number[]): number {
    const { engine } = this.#spare;
    const callee = engine.evaluate(new TextEncoder().encode(source), FILE);
    return this.#callValue(callee, args);
  }

  #callValue(callee: number, args: readonly number[]): number {
    const { engine } = this.#spare;
    const pointers = engine.allocate(4 * args.length);
    for (const [index, value] of args.entries()) engine.u32[(pointers >> 2) + index] = value;
    const { context, undefinedValue } = engine;
    return engine.call.call(context, callee, undefinedValue, args.length, pointers);
  }

  #stopped(): Evaluation {
    const { exitCode } = this.#spare;
    if (exitCode !== undefined) {
      const error = `the expression ended the guest with status ${exitCode}; only its copy is gone`;
      return { ok: false, error, kind: 'guest' };
    }
    const error = 'the expression was stopped: it used up its ticks, its memory or its stack';
    return { ok: false, error, kind: 'limit' };
  }

  #failure(expression: string, marker: number): Evaluation {
    const { engine } = this.#spare;
    const thrown = engine.call.resolveException(engine.context, marker);
    const text = this.#errorText(thrown);
    const missing = NOT_DEFINED.exec(text)?.[1];
    if (missing === undefined || !expression.includes(missing))
      return OUT_OF_MEMORY.test(text)
        ? { ok: false, error: text, kind: 'limit' }
        : { ok: false, error: [text, ...this.#frames(thrown)].join('\n'), kind: 'guest' };
    const near = nearest(missing, [...this.#view.names(), ...this.#globals], 3);
    const gone = '; one that no living function uses no longer exists';
    const hint = near.length === 0 ? gone : `; nearest: ${near.join(', ')}`;
    return { ok: false, error: `no variable ${missing} here${hint}`, kind: 'no-such-variable' };
  }

  #errorText(error: number): string {
    this.#reader.reset();
    const value = this.#reader.value(error);
    const asText = (): string => treeText(treeAt(this.#reader, error, TEXT_LIMITS), 1000);
    if (value.type !== 'object') return `thrown: ${asText()}`;
    const field = (name: string): string | undefined => {
      const property = this.#reader.find(value.at, name);
      if (property === undefined || property.valueAt === 0) return undefined;
      const text = this.#reader.value(property.valueAt);
      return text.type === 'string' ? text.value : undefined;
    };
    const message = field('message');
    if (message === undefined) return `thrown: ${asText()}`;
    const name = field('name') ?? this.#reader.constructorName(value.at);
    return message === '' ? name : `${name}: ${message}`;
  }

  /**
   * Where in the user's files an error comes from, innermost first, as stack traces have it. Asks the
   * copy, where a getter may make the text.
   */
  #frames(error: number): string[] {
    this.#spare.budget(FRAMES_TICKS_MAX);
    const value = this.#call('(function (error) { return error && String(error.stack); })', [
      error,
    ]);
    this.#reader.reset();
    if (this.#spare.stopping || isException(this.#spare.engine, value)) return [];
    const text = this.#reader.value(value);
    if (text.type !== 'string') return [];
    const frames = text.value.split('\n').filter((line) => /^ +at /.test(line) && !OURS.test(line));
    return frames.slice(0, FRAMES_MAX).map((line) => this.#spare.mapped(line));
  }

  /** The JSON is taken from memory before the guest's own inspection code may change the value. */
  #success(value: number): Evaluation {
    const reader = this.#reader;
    const type = typeOf(reader, value);
    const hasJson = !['undefined', 'function', 'symbol'].includes(type);
    const json = hasJson ? treeAt(reader, value, JSON_LIMITS) : undefined;
    const fallback = treeText(treeAt(reader, value, TEXT_LIMITS), TEXT_CHARACTERS_MAX);
    return { ok: true, text: this.#inspected(value) ?? fallback, json, type };
  }

  /** What the firmware's util.inspect makes of it; undefined when there is none, or it fails. */
  #inspected(value: number): string | undefined {
    const { engine } = this.#spare;
    return this.#spare.guard(() => {
      const hook = this.#inspectHook === 0 ? undefined : this.#reader.value(this.#inspectHook);
      if (hook?.type !== 'object') return undefined;
      const inspect = this.#reader.own(hook.at, 'inspect')?.valueAt ?? 0;
      if (inspect === 0) return undefined;
      const text = this.#callValue(inspect, [value]);
      if (isException(engine, text)) return undefined;
      const read = this.#reader.value(text, TEXT_CHARACTERS_MAX * 100);
      return read.type === 'string' ? read.value : undefined;
    });
  }
}

/** The engine's own error; the firmware calls it a RangeError, as Node would. */
const OUT_OF_MEMORY = /^(?:Internal|Range)Error: out of memory$/;

function list(names: readonly string[]): string {
  const shown = names.slice(0, CHOICES_MAX).join(', ');
  return names.length > CHOICES_MAX ? `${shown} and ${names.length - CHOICES_MAX} more` : shown;
}

function typeOf(reader: HeapReader, at: number): string {
  const value = reader.value(at, 0);
  if (value.type !== 'object') return value.type;
  if (reader.isCallable(value.at)) return 'function';
  return reader.constructorName(value.at) || reader.className(value.at);
}
