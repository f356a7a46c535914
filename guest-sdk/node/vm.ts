/**
 * `node:vm` on an engine with one realm. Code of this context runs as Node's does, except that its
 * top-level `let`, `const` and `class` end with the script. A context is an object that the code sees
 * in place of the global scope: names of the guest's own scope are not there, but the built-in classes
 * are the same ones, and so no fence: code nobody trusts needs a guest of its own.
 */

import { invalidArgType } from './node-errors.ts';
import { refusal, throwing } from './refusals.ts';
import { validateArray, validateObject, validateString } from './validators.ts';

type Sandbox = Record<PropertyKey, unknown>;
type Evaluate = (
  this: unknown,
  scope: object,
  keep: (readers: Readonly<Record<string, () => unknown>>) => void,
  code: string,
) => unknown;

const NativeFunction = Function;
/** An indirect call: the code's scope is the global one. */
const evaluateHere = Reflect.get(globalThis, 'eval') as (code: string) => unknown;
/** Sloppy, so that `with` is allowed; a script that is strict says so itself. */
const evaluateIn = new NativeFunction(
  'hvScope',
  'hvKeep',
  'hvCode',
  'with (hvScope) { return eval(hvCode); }',
) as Evaluate;

/** The names a fresh context has: those of the language. */
const LANGUAGE: ReadonlySet<string> = new Set(
  'Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError JSON Math Intl ArrayBuffer Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy Reflect FinalizationRegistry SharedArrayBuffer decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval isFinite isNaN Iterator globalThis'.split(
    ' ',
  ),
);
const DECLARED_FUNCTION = /(?:^|[;{}\n])\s*(?:async\s+)?function\s*\*?\s*([\w$]+)\s*\(/g;
const DIRECTIVE = /^\s*(["'])use strict\1/;

const contexts = new WeakSet<object>();
const globalProxies = new WeakMap<object, object>();

function isContext(object: unknown): boolean {
  validateObject(object, 'object', { allowFunction: true });
  return contexts.has(object);
}

function checkContext(value: unknown): asserts value is Sandbox {
  validateObject(value, 'contextifiedObject', { allowFunction: true });
  if (contexts.has(value)) return;
  throw invalidArgType('contextifiedObject', 'vm.Context', value);
}

function createContext(given: unknown = {}, options: unknown = {}): object {
  if (typeof given === 'symbol') return createContext({}, options);
  validateObject(given, 'contextObject', { allowFunction: true, allowArray: true });
  if (contexts.has(given)) return given;
  validateObject(options, 'options');
  const { name, origin } = options as { name?: unknown; origin?: unknown };
  if (name !== undefined) validateString(name, 'options.name');
  if (origin !== undefined) validateString(origin, 'options.origin');
  contexts.add(given);
  return given;
}

/** What `this` and `globalThis` are to the code of a context. */
function globalOf(sandbox: Sandbox): object {
  const known = globalProxies.get(sandbox);
  if (known !== undefined) return known;
  const made = new Proxy(sandbox, {
    get: (target, name) => (name in target ? target[name] : builtinOf(target, name)),
    has: (target, name) => name in target || (typeof name === 'string' && LANGUAGE.has(name)),
  });
  globalProxies.set(sandbox, made);
  return made;
}

function builtinOf(sandbox: Sandbox, name: PropertyKey): unknown {
  if (name === 'globalThis') return globalOf(sandbox);
  if (typeof name !== 'string' || !LANGUAGE.has(name)) return undefined;
  return (globalThis as unknown as Sandbox)[name];
}

/** True when `code` may assign `name` without declaring it: then the name is the context's. */
function assigns(code: string, name: string): boolean {
  const quoted = name.replaceAll('$', '\\$');
  const after = `(?<![\\w$.])${quoted}\\s*(?:(?:[-+*/%&|^]|\\*\\*|<<|>>>?|&&|\\|\\||\\?\\?)?=(?![=>])|\\+\\+|--)`;
  return new RegExp(`${after}|(?:\\+\\+|--)\\s*${quoted}(?![\\w$])`).test(code);
}

function scopeOf(sandbox: Sandbox, code: string, declared: Set<string>): object {
  const guests = globalThis as unknown as Sandbox;
  return new Proxy(sandbox, {
    has(target, name): boolean {
      if (typeof name !== 'string' || name === 'hvKeep' || name === 'hvCode') return false;
      if (name in target || LANGUAGE.has(name)) return name !== 'eval';
      if (declared.has(name)) return false;
      // Names of the guest's own scope are hidden; any other one must fail as unknown.
      return (
        name in guests ||
        assigns(code, name) ||
        new RegExp(`\\bvar\\b[^;]*\\b${name.replaceAll('$', '\\$')}(?![\\w$])`).test(code)
      );
    },
    get(target, name): unknown {
      if (name === Symbol.unscopables) return undefined;
      return name in target ? target[name] : builtinOf(target, name);
    },
  });
}

function runInside(code: string, sandbox: Sandbox): unknown {
  const names = [...code.matchAll(DECLARED_FUNCTION)].map(([, name = '']) => name);
  const declared = new Set(DIRECTIVE.test(code) ? [] : names);
  // Function declarations are bindings of the evaluation; this makes them the context's first.
  const first =
    declared.size === 0
      ? ''
      : `hvKeep({${[...declared].map((name) => `${name}:()=>${name}`).join(',')}});`;
  const keep = (readers: Readonly<Record<string, () => unknown>>): void => {
    for (const [name, read] of Object.entries(readers)) {
      try {
        sandbox[name] = read();
      } catch {
        // Declared inside another function: it is none of the context's.
      }
      declared.delete(name);
    }
  };
  return evaluateIn.call(globalOf(sandbox), scopeOf(sandbox, code, declared), keep, first + code);
}

interface ScriptOptions {
  readonly filename?: unknown;
  readonly lineOffset?: unknown;
  readonly columnOffset?: unknown;
  readonly cachedData?: unknown;
  readonly produceCachedData?: unknown;
  readonly importModuleDynamically?: unknown;
}

function checkOptions(options: unknown): ScriptOptions {
  if (typeof options === 'string') return { filename: options };
  validateObject(options, 'options');
  const { filename, lineOffset, columnOffset } = options as ScriptOptions;
  if (filename !== undefined) validateString(filename, 'options.filename');
  for (const [name, value] of Object.entries({ lineOffset, columnOffset })) {
    if (value === undefined) continue;
    if (typeof value !== 'number') throw invalidArgType(`options.${name}`, 'number', value);
  }
  return options as ScriptOptions;
}

function checkRunOptions(options: unknown): void {
  if (typeof options === 'string' || options === undefined) return;
  validateObject(options, 'options');
  const { timeout } = options as { timeout?: unknown };
  if (timeout !== undefined) {
    throw refusal('vm', 'Script with the option timeout', 'preempt of hv/guest');
  }
}

export class Script {
  readonly #code: string;
  cachedDataRejected: boolean | undefined;
  sourceMapURL: string | undefined;

  constructor(code: unknown, options: unknown = {}) {
    this.#code = String(code);
    const { cachedData } = checkOptions(options);
    if (cachedData !== undefined) this.cachedDataRejected = true;
    this.sourceMapURL = /^\/\/# sourceMappingURL=(\S+)\s*$/m.exec(this.#code)?.[1];
    // A function's body may hold what a script may not; nothing else tells before it runs.
    checkSyntax(this.#code);
  }

  runInThisContext(options?: unknown): unknown {
    checkRunOptions(options);
    return evaluateHere(this.#code);
  }

  runInContext(context: unknown, options?: unknown): unknown {
    checkContext(context);
    checkRunOptions(options);
    return runInside(this.#code, context);
  }

  runInNewContext(object?: unknown, options?: unknown): unknown {
    return this.runInContext(createContext(object), options);
  }

  createCachedData(): never {
    throw refusal('vm', 'Script.createCachedData');
  }
}

/** Throws the engine's SyntaxError for code that could not be run. */
function checkSyntax(code: string): void {
  // Never called: the constructor of functions parses its body.
  new NativeFunction(`${code}\n`);
}

function runInContext(code: unknown, context: unknown, options?: unknown): unknown {
  checkContext(context);
  return new Script(code, options).runInContext(context, options);
}

function compileFunction(code: unknown, params: unknown = [], options: unknown = {}): unknown {
  validateString(code, 'code');
  validateArray(params, 'params');
  for (const [index, name] of params.entries()) validateString(name, `params[${index}]`);
  validateObject(options, 'options');
  const { parsingContext, contextExtensions } = options as {
    parsingContext?: unknown;
    contextExtensions?: unknown;
  };
  if (contextExtensions !== undefined) {
    throw refusal('vm', 'compileFunction with the option contextExtensions', 'parameters');
  }
  const text = `(function (${params.join(', ')}) {\n${code}\n})`;
  checkSyntax(code);
  if (parsingContext === undefined) return evaluateHere(text);
  checkContext(parsingContext);
  return runInside(text, parsingContext);
}

export const exported: Record<string, unknown> = {
  Script,
  createContext,
  createScript: (code: unknown, options?: unknown): Script => new Script(code, options),
  runInContext,
  runInNewContext(code: unknown, object?: unknown, options?: unknown): unknown {
    return new Script(code, options).runInNewContext(object, options);
  },
  runInThisContext(code: unknown, options?: unknown): unknown {
    return new Script(code, options).runInThisContext(options);
  },
  isContext,
  compileFunction,
  measureMemory: throwing('vm', 'measureMemory'),
  constants: Object.freeze({
    __proto__: null,
    USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol('vm_dynamic_import_main_context_default'),
    DONT_CONTEXTIFY: Symbol('vm_context_no_contextify'),
  }),
};
