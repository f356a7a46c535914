/**
 * `node:dns`: addresses and `localhost` are answered at once. The network device resolves a name while
 * it connects and says nothing of it, so any other name is not found here: `net.connect` takes names.
 */

import { kernel } from './kernel-hooks.ts';
import { isIP } from './net-address.ts';
import { invalidArgType, invalidArgValue, nodeError, outOfRange } from './node-errors.ts';
import { failing, refusal, rejecting } from './refusals.ts';
import {
  validateArray,
  validateBoolean,
  validateFunction,
  validateNumber,
  validateOneOf,
  validateString,
} from './validators.ts';

const INSTEAD = 'net.connect() with the name,';
const ADDRCONFIG = 32;
const V4MAPPED = 8;
const ALL = 16;
const EAI_NONAME = -3008;
const ORDERS = ['ipv4first', 'ipv6first', 'verbatim'] as const;

interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

interface Wanted {
  readonly family: 0 | 4 | 6;
  readonly all: boolean;
  readonly order: string;
}

let defaultOrder = 'verbatim';

function familyOf(given: unknown): 0 | 4 | 6 {
  if (given === undefined || given === null) return 0;
  if (given === 'IPv4') return 4;
  if (given === 'IPv6') return 6;
  if (typeof given !== 'number' || ![0, 4, 6].includes(given)) {
    throw invalidArgValue('options.family', given, 'must be one of: 0, 4, 6');
  }
  return given as 0 | 4 | 6;
}

interface LookupOptions {
  readonly family?: unknown;
  readonly all?: unknown;
  readonly hints?: unknown;
  readonly verbatim?: unknown;
  readonly order?: unknown;
}

function wantedOf(options: unknown): Wanted {
  if (options === null || options === undefined || typeof options === 'function') {
    return { family: 0, all: false, order: defaultOrder };
  }
  if (typeof options === 'number') {
    validateOneOf(options, 'family', [0, 4, 6]);
    return { family: options as 0 | 4 | 6, all: false, order: defaultOrder };
  }
  if (typeof options !== 'object') throw invalidArgType('options', ['integer', 'object'], options);
  const { family, all, hints, verbatim, order } = options as LookupOptions;
  if (hints !== undefined && hints !== null) {
    validateNumber(hints, 'options.hints');
    const bits = hints >>> 0;
    if ((bits & ~(ADDRCONFIG | ALL | V4MAPPED)) !== 0) throw invalidArgValue('hints', bits);
  }
  const wanted = familyOf(family);
  if (all !== undefined && all !== null) validateBoolean(all, 'options.all');
  if (verbatim !== undefined && verbatim !== null) validateBoolean(verbatim, 'options.verbatim');
  if (order !== undefined && order !== null) validateOneOf(order, 'options.order', ORDERS);
  const fallback = verbatim === false ? 'ipv4first' : defaultOrder;
  return { family: wanted, all: all === true, order: (order as string | undefined) ?? fallback };
}

function notFound(hostname: string): Error {
  const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`, {
    cause: refusal('dns', 'lookup', INSTEAD),
  });
  // The cause is for whoever prints it; what Node has stays what it is.
  Object.defineProperty(error, 'cause', { enumerable: false });
  return Object.assign(error, {
    errno: EAI_NONAME,
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname,
  });
}

/** Addresses of `hostname`, in order; none when only a name server could know. */
function addressesOf(hostname: string, { family, order }: Wanted): readonly Address[] {
  const literal = isIP(hostname);
  if (literal === 4 || literal === 6) return [{ address: hostname, family: literal }];
  if (!/^(?:.*\.)?localhost\.?$/i.test(hostname)) return [];
  const both: Address[] = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (order === 'ipv6first') both.reverse();
  return both.filter((one) => family === 0 || one.family === family);
}

function checkHostname(hostname: unknown): void {
  if (hostname) validateString(hostname, 'hostname');
}

export function lookup(hostname: unknown, ...rest: unknown[]): object {
  checkHostname(hostname);
  const options = typeof rest[0] === 'function' ? undefined : rest[0];
  const callback = typeof rest[0] === 'function' ? rest[0] : rest[1];
  if (typeof rest[0] !== 'function') validateFunction(callback, 'callback');
  const wanted = wantedOf(options);
  const answer = (...args: unknown[]): void => kernel().nextTick(callback as never, ...args);
  const request = {};
  if (!hostname) {
    if (wanted.all) answer(null, []);
    else answer(null, null, wanted.family === 6 ? 6 : 4);
    return request;
  }
  const found = addressesOf(hostname as string, wanted);
  const [first] = found;
  if (first === undefined) answer(notFound(hostname as string));
  else if (wanted.all) answer(null, found);
  else answer(null, first.address, first.family);
  return request;
}
Object.defineProperty(lookup, Symbol.for('nodejs.util.promisify.custom'), {
  value: (hostname: unknown, options?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lookup(hostname, options, (error: Error | null, address: unknown, family?: number) => {
        if (error !== null) reject(error);
        else resolve(family === undefined ? address : { address, family });
      });
    }),
  configurable: true,
});

function lookupPromise(hostname: unknown, options?: unknown): Promise<unknown> {
  checkHostname(hostname);
  const wanted = wantedOf(options);
  if (!hostname) {
    const none = { address: null, family: wanted.family === 6 ? 6 : 4 };
    return Promise.resolve(wanted.all ? [] : none);
  }
  const found = addressesOf(hostname as string, wanted);
  const [first] = found;
  if (first === undefined) return Promise.reject(notFound(hostname as string));
  return Promise.resolve(wanted.all ? found : { ...first });
}

/** Checks what Node checks before it asks. */
function checkService(address: unknown, port: unknown): void {
  if (typeof address !== 'string' || isIP(address) === 0) throw invalidArgValue('address', address);
  const number = typeof port === 'string' && port.trim() !== '' ? Number(port) : port;
  if (typeof number !== 'number' || number >>> 0 !== number || number > 65_535) {
    const shown = describePort(port);
    const text = `Port should be >= 0 and < 65536.${shown}`;
    throw nodeError(RangeError, 'ERR_SOCKET_BAD_PORT', text);
  }
}

function describePort(port: unknown): string {
  return ` Received type ${typeof port} (${typeof port === 'string' ? `'${port}'` : String(port)}).`;
}

function missing(...names: string[]): Error {
  const quoted = names.map((name) => `"${name}"`);
  const list = `${quoted.slice(0, -1).join(', ')}, and ${quoted.at(-1)}`;
  return nodeError(TypeError, 'ERR_MISSING_ARGS', `The ${list} arguments must be specified`);
}

function lookupService(...args: unknown[]): void {
  const [address, port, callback] = args;
  if (args.length !== 3) throw missing('address', 'port', 'callback');
  checkService(address, port);
  validateFunction(callback, 'callback');
  kernel().nextTick(callback as never, refusal('dns', 'lookupService', INSTEAD));
}

let servers: readonly string[] = ['127.0.0.1'];

function setServers(given: unknown): void {
  validateArray(given, 'servers');
  servers = given.map((server, index) => {
    validateString(server, `servers[${index}]`);
    const [, bracketed, bare = server] =
      /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(server) ?? [];
    const address = bracketed ?? bare;
    if (isIP(address) === 0) {
      throw nodeError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${server}`);
    }
    return /:53$/.test(server) && isIP(server) === 0 ? address : server;
  });
}

const KINDS =
  'Any:queryAny A:resolve4 AAAA:resolve6 Caa:queryCaa Cname:queryCname Mx:queryMx Naptr:queryNaptr Ns:queryNs Ptr:queryPtr Soa:querySoa Srv:querySrv Txt:queryTxt';
const RECORDS = KINDS.split(' ').map((entry) => entry.split(':')[0] ?? '');
const QUERIES = RECORDS.map((record) =>
  record === 'A' ? 'resolve4' : record === 'AAAA' ? 'resolve6' : `resolve${record}`,
);
const RECORD_TYPES = new Set(RECORDS.map((record) => record.toUpperCase()));

function checkedRecord(record: unknown): void {
  validateString(record, 'rrtype');
  if (!RECORD_TYPES.has(record)) throw invalidArgValue('rrtype', record);
}

function query(name: string, module: string): (...args: unknown[]) => unknown {
  const fail = failing(module, name, INSTEAD);
  const call = (...args: unknown[]): object => {
    validateString(args[0], 'name');
    if (name === 'resolve' && typeof args[1] !== 'function') checkedRecord(args[1]);
    validateFunction(args.length < 2 ? undefined : args.at(-1), 'callback');
    fail(...args);
    return {};
  };
  return refusedAs(call, name);
}

function queryPromise(name: string): (...args: unknown[]) => unknown {
  const reject = rejecting('dns/promises', name, INSTEAD);
  const call = (...args: unknown[]): unknown => {
    validateString(args[0], 'name');
    if (name === 'resolve' && args[1] !== undefined) checkedRecord(args[1]);
    return reject();
  };
  return refusedAs(call, name);
}

function refusedAs<T extends object>(call: T, name: string): T {
  Object.defineProperty(call, Symbol.for('hv.refused'), { value: true });
  Object.defineProperty(call, 'name', { value: name, configurable: true });
  return call;
}

const NAMES = ['resolve', ...QUERIES, 'reverse'];

function checkResolver(options: unknown): void {
  const { timeout = -1, tries = 4 } = (options ?? {}) as { timeout?: unknown; tries?: unknown };
  validateNumber(timeout, 'options.timeout');
  if (!Number.isInteger(timeout) || timeout < -1 || timeout > 2_147_483_647) {
    throw outOfRange('options.timeout', '>= -1 && <= 2147483647', timeout);
  }
  validateNumber(tries, 'options.tries', 1);
}

function resolverClass(makeQuery: (name: string) => unknown): new (options?: unknown) => object {
  class Resolver {
    constructor(options?: unknown) {
      checkResolver(options);
    }
    cancel(): void {}
    getServers(): string[] {
      return [...servers];
    }
    setServers(given: unknown): void {
      setServers(given);
    }
    setLocalAddress(): void {}
  }
  for (const name of NAMES) {
    Object.defineProperty(Resolver.prototype, name, {
      value: makeQuery(name),
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
  Object.defineProperty(Resolver, 'name', { value: 'Resolver', configurable: true });
  return Resolver;
}

const CODES =
  'NODATA FORMERR SERVFAIL NOTFOUND NOTIMP REFUSED BADQUERY BADNAME BADFAMILY BADRESP CONNREFUSED TIMEOUT EOF FILE NOMEM DESTRUCTION BADSTR BADFLAGS NONAME BADHINTS NOTINITIALIZED LOADIPHLPAPI ADDRGETNETWORKPARAMS CANCELLED';
const codes = Object.fromEntries(
  CODES.split(' ').map((name) => [name, /^(?:EOF)$/.test(name) ? name : `E${name}`]),
);
codes.CONNREFUSED = 'ECONNREFUSED';
codes.TIMEOUT = 'ETIMEOUT';

const common = {
  getDefaultResultOrder: (): string => defaultOrder,
  setDefaultResultOrder(order: unknown): void {
    validateOneOf(order, 'dnsOrder', ORDERS);
    defaultOrder = order as string;
  },
  setServers,
  getServers: (): string[] => [...servers],
  ...codes,
};

export const promises: Record<string, unknown> = {
  lookup: lookupPromise,
  lookupService: refusedAs((...args: unknown[]): Promise<never> => {
    if (args.length !== 2) throw missing('address', 'port');
    checkService(args[0], args[1]);
    return Promise.reject(refusal('dns/promises', 'lookupService', INSTEAD));
  }, 'lookupService'),
  Resolver: resolverClass(queryPromise),
  ...common,
  ...Object.fromEntries(NAMES.map((name) => [name, queryPromise(name)])),
};
Object.defineProperty(lookupPromise, 'name', { value: 'lookup', configurable: true });

export const exported: Record<string, unknown> = {
  lookup,
  lookupService: refusedAs(lookupService, 'lookupService'),
  Resolver: resolverClass((name) => query(name, 'dns')),
  ...common,
  ADDRCONFIG,
  ALL,
  V4MAPPED,
  ...Object.fromEntries(NAMES.map((name) => [name, query(name, 'dns')])),
  promises,
};
