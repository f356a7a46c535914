/** URL (URL Standard, section 6.1), shown and refused as Node does. */

import { inspectHook } from '../node/inspect-hook.ts';
import { missingArgs, nodeError } from '../node/node-errors.ts';
import { exposeInterface } from './interface.ts';
import { createObjectURL, revokeObjectURL } from './object-urls.ts';
import {
  contextOfRecord,
  fragmentSectionOf,
  hashOf,
  hostnameOf,
  hostOf,
  passwordOf,
  pathnameOf,
  protocolOf,
  querySectionOf,
  searchOf,
  type URLContext,
  usernameOf,
  withRest,
} from './url-context.ts';
import {
  type MachineRecord,
  type MachineState,
  type UrlMachine,
  urlMachine,
} from './url-machine.ts';
import { parseUrl, withPart } from './url-parser.ts';
import { paramsOfUrl, refillParams, type URLSearchParams } from './url-search-params.ts';
import { toUsv } from './usv.ts';

const INVALID = { code: 'ERR_INVALID_URL', text: 'Invalid URL' } as const;

/** What setters and the older interface throw. */
export function invalidUrl(input: string): Error {
  return Object.assign(nodeError(TypeError, INVALID.code, INVALID.text), { input });
}

/** What the constructor throws. Node makes it elsewhere: its header is without the code. */
function unparsable(input: string, base: string | undefined): Error {
  const fields = base === undefined ? { input } : { input, base };
  return Object.assign(new TypeError(INVALID.text), { code: INVALID.code, ...fields });
}

/** V8 has these words for a private member that is not there. */
function wrongReceiver(): TypeError {
  const text = 'Cannot read private member #context from an object whose class did not declare it';
  return new TypeError(text);
}

/** As above, for members that Node guards by a private method. */
function notInstance(): TypeError {
  return new TypeError('Receiver must be an instance of class URL');
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The parsed address of a URL; undefined for anything else, also for what looks like one. */
export let urlContext: (value: unknown) => URLContext | undefined;

/** Schemes whose origin is more than "null". */
const TUPLE_ORIGIN = /^(?:https?|wss?|ftp):$/;

function originOf(context: URLContext): string {
  const protocol = protocolOf(context);
  if (TUPLE_ORIGIN.test(protocol)) return `${protocol}//${hostOf(context)}`;
  if (protocol !== 'blob:') return 'null';
  const inner = parseUrl(pathnameOf(context));
  return inner !== undefined && /^https?:$/.test(protocolOf(inner)) ? originOf(inner) : 'null';
}

export class URL {
  #context: URLContext;
  #searchParams: URLSearchParams | undefined;

  constructor(...args: readonly unknown[]) {
    if (args.length === 0) throw missingArgs('url');
    const input = toUsv(args[0]);
    const base = args[1] === undefined ? undefined : toUsv(args[1]);
    const context = parseUrl(input, base);
    if (context === undefined) throw unparsable(input, base);
    this.#context = context;
  }

  toString(): string {
    if (!isUrl(this)) throw notInstance();
    return this.#context.href;
  }

  get href(): string {
    if (!isUrl(this)) throw notInstance();
    return this.#context.href;
  }
  set href(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const input = toUsv(value);
    const context = parseUrl(input);
    if (context === undefined) throw invalidUrl(input);
    this.#become(context);
  }

  get origin(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return originOf(this.#context);
  }

  get protocol(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return protocolOf(this.#context);
  }
  set protocol(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    this.#parsePart(`${toUsv(value)}:`, 'scheme start');
  }

  get username(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return usernameOf(this.#context);
  }
  set username(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const username = toUsv(value);
    this.#change((record, machine) => {
      const refuses = machine.cannotHaveAUsernamePasswordPort(record);
      if (!refuses) machine.setTheUsername(record, username);
    });
  }

  get password(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return passwordOf(this.#context);
  }
  set password(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const password = toUsv(value);
    this.#change((record, machine) => {
      const refuses = machine.cannotHaveAUsernamePasswordPort(record);
      if (!refuses) machine.setThePassword(record, password);
    });
  }

  get host(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return hostOf(this.#context);
  }
  set host(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    this.#parsePart(toUsv(value), 'host');
  }

  get hostname(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return hostnameOf(this.#context);
  }
  set hostname(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    this.#parsePart(toUsv(value), 'hostname');
  }

  get port(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return this.#context.hasPort ? String(this.#context.port) : '';
  }
  set port(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const text = toUsv(value);
    this.#change((record, machine) => {
      if (machine.cannotHaveAUsernamePasswordPort(record)) return;
      if (text === '') (record as { port: number | null }).port = null;
      else machine.basicURLParse(text, { url: record, stateOverride: 'port' });
    });
  }

  get pathname(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return pathnameOf(this.#context);
  }
  set pathname(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const text = toUsv(value);
    this.#changePart('pathname', text, (record, machine) => {
      if (machine.hasAnOpaquePath(record)) return;
      record.path = [];
      machine.basicURLParse(text, { url: record, stateOverride: 'path start' });
    });
  }

  get search(): string {
    if (!isUrl(this)) throw notInstance();
    return searchOf(this.#context);
  }
  set search(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const text = toUsv(value);
    const input = text.startsWith('?') ? text.slice(1) : text;
    this.#changePart('search', text, (record, machine) => {
      record.query = text === '' ? null : '';
      if (text !== '') machine.basicURLParse(input, { url: record, stateOverride: 'query' });
    });
    this.#refill();
  }

  get searchParams(): URLSearchParams {
    if (!isUrl(this)) throw wrongReceiver();
    this.#searchParams ??= paramsOfUrl(searchOf(this.#context).slice(1), (search) => {
      // Encoded as a form, a query holds nothing that would have to be encoded again.
      this.#context = withRest(this.#context, {
        pathname: pathnameOf(this.#context),
        search: search === '' ? '' : `?${search}`,
        hash: fragmentSectionOf(this.#context),
      });
    });
    return this.#searchParams;
  }

  get hash(): string {
    if (!isUrl(this)) throw wrongReceiver();
    return hashOf(this.#context);
  }
  set hash(value: unknown) {
    if (!isUrl(this)) throw wrongReceiver();
    const text = toUsv(value);
    const input = text.startsWith('#') ? text.slice(1) : text;
    this.#changePart('hash', text, (record, machine) => {
      record.fragment = text === '' ? null : '';
      if (text !== '') machine.basicURLParse(input, { url: record, stateOverride: 'fragment' });
    });
  }

  toJSON(): string {
    if (!isUrl(this)) throw notInstance();
    return this.#context.href;
  }

  static parse(...args: readonly unknown[]): URL | null {
    if (args.length === 0) throw missingArgs('url');
    return URL.canParse(...args) ? new URL(...args) : null;
  }

  static createObjectURL: typeof createObjectURL = createObjectURL;
  static revokeObjectURL: typeof revokeObjectURL = revokeObjectURL;

  static canParse(...args: readonly unknown[]): boolean {
    if (args.length === 0) throw missingArgs('url');
    const base = args[1] === undefined ? undefined : toUsv(args[1]);
    return parseUrl(toUsv(args[0]), base) !== undefined;
  }

  #become(context: URLContext): void {
    this.#context = context;
    this.#refill();
  }

  #refill(): void {
    if (this.#searchParams !== undefined) {
      refillParams(this.#searchParams, querySectionOf(this.#context).slice(1));
    }
  }

  /** Runs a setter of the standard on the record of the address as it is. */
  #change(set: (record: MachineRecord, machine: UrlMachine) => void): void {
    const machine = urlMachine();
    const record = machine.basicURLParse(this.#context.href);
    if (record === null) throw new Error('An address in its normal form does not parse');
    set(record, machine);
    this.#context = contextOfRecord(record);
  }

  #changePart(
    part: 'pathname' | 'search' | 'hash',
    text: string,
    set: (record: MachineRecord, machine: UrlMachine) => void,
  ): void {
    const context = withPart(this.#context, part, text);
    if (context === undefined) this.#change(set);
    else this.#context = context;
  }

  #parsePart(text: string, stateOverride: MachineState): void {
    this.#change((record, machine) => {
      const isHost = stateOverride === 'host' || stateOverride === 'hostname';
      if (isHost && machine.hasAnOpaquePath(record)) return;
      machine.basicURLParse(text, { url: record, stateOverride });
    });
  }

  static {
    urlContext = (value) => (isObject(value) && #context in value ? value.#context : undefined);
  }
}

function isUrl(value: unknown): value is URL {
  return urlContext(value) !== undefined;
}

for (const name of ['parse', 'canParse'] as const) {
  Object.defineProperty(URL[name], 'length', { value: 1 });
  Object.defineProperty(URL, name, { enumerable: true });
}
Object.defineProperty(URL, 'length', { value: 1, configurable: true });

const SHOWN = [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'searchParams',
  'hash',
] as const;
const kContext = Symbol('context');

exposeInterface(URL, 'URL', (self, depth, options) => {
  if (typeof depth === 'number' && depth < 0) return self;
  const shown = Object.create({ constructor: self.constructor }) as Record<PropertyKey, unknown>;
  for (const name of SHOWN) shown[name] = self[name];
  const { showHidden } = options as { showHidden?: boolean };
  if (showHidden) shown[kContext] = urlContext(self);
  return `${self.constructor.name} ${inspectHook.inspect(shown, options)}`;
});
