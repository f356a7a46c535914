/**
 * The URL Standard's parser as whatwg-url has it, and the IDNA rules below it as tr46 has them. Both
 * are evaluated when the first address needs them: their tables would lie in the memory of every
 * guest, and the addresses of a server rarely need more than web/url-parser.ts.
 */

/** A URL record of the standard. An opaque path is one string, any other a list of segments. */
export interface MachineRecord {
  readonly scheme: string;
  readonly username: string;
  readonly password: string;
  readonly host: string | number | readonly number[] | null;
  readonly port: number | null;
  path: string | string[];
  query: string | null;
  fragment: string | null;
}

/** Where in an address a setter's text is parsed. */
export type MachineState =
  | 'scheme start'
  | 'host'
  | 'hostname'
  | 'port'
  | 'path start'
  | 'query'
  | 'fragment';

interface ParseOptions {
  readonly baseURL?: MachineRecord | null;
  readonly url?: MachineRecord;
  readonly stateOverride?: MachineState;
}

export interface UrlMachine {
  /** null for an address that is none, and for a setter's text that was refused. */
  basicURLParse(input: string, options?: ParseOptions): MachineRecord | null;
  serializeHost(host: MachineRecord['host']): string;
  serializePath(record: MachineRecord): string;
  setTheUsername(record: MachineRecord, username: string): void;
  setThePassword(record: MachineRecord, password: string): void;
  cannotHaveAUsernamePasswordPort(record: MachineRecord): boolean;
  hasAnOpaquePath(record: MachineRecord): boolean;
}

interface Idna {
  toASCII(domain: string, options: object): string | null;
  toUnicode(domain: string, options: object): { readonly domain: string; readonly error: boolean };
}

/** The bundler's, which evaluates a package where it is called. */
declare function require(name: 'whatwg-url/lib/url-state-machine.js'): UrlMachine;
declare function require(name: 'tr46'): Idna;

let machine: UrlMachine | undefined;
let idna: Idna | undefined;

export function urlMachine(): UrlMachine {
  machine ??= require('whatwg-url/lib/url-state-machine.js');
  return machine;
}

function rules(): Idna {
  idna ??= require('tr46');
  return idna;
}

/** The URL Standard's choice among the flags of UTS 46. */
const FLAGS = {
  checkHyphens: false,
  checkBidi: true,
  checkJoiners: true,
  useSTD3ASCIIRules: false,
  transitionalProcessing: false,
  verifyDNSLength: false,
  ignoreInvalidPunycode: false,
};

/** A host name in ASCII letters, or "" when it is none. Characters no host may have are kept. */
export function hostToAscii(host: string): string {
  const isPlain = !/[^\0-\x7f]/.test(host) && !/xn--/i.test(host);
  return isPlain ? host.toLowerCase() : (rules().toASCII(host, FLAGS) ?? '');
}

/** A host name with its Punycode labels decoded where that is possible. */
export function hostToUnicode(host: string): string {
  return host.includes('xn--') ? rules().toUnicode(host, FLAGS).domain : host;
}
