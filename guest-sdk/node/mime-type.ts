/** `util.MIMEType` and `util.MIMEParams` (WHATWG MIME Sniffing, sections 2 to 4). */

import { nodeError } from './node-errors.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const SPACE_START = /^[\t\n\r ]+/;
const SPACE_END = /[\t\n\r ]+$/;

function badSyntax(production: string, text: string, at?: number): Error {
  const place = at === undefined || at < 0 ? '' : ` at ${at}`;
  const message = `The MIME syntax for a ${production} in ${JSON.stringify(text)} is invalid${place}`;
  return nodeError(TypeError, 'ERR_INVALID_MIME_SYNTAX', message);
}

function firstOutside(text: string): number {
  return [...text].findIndex((one) => !TOKEN.test(one));
}

function checkToken(text: string, production: string): void {
  if (!TOKEN.test(text)) throw badSyntax(production, text, firstOutside(text));
}

function checkValue(text: string): void {
  if (VALUE.test(text)) return;
  throw badSyntax(
    'parameter value',
    text,
    [...text].findIndex((one) => !VALUE.test(one)),
  );
}

function quoted(value: string): string {
  return TOKEN.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

export class MIMEParams {
  readonly #values = new Map<string, string>();

  delete(name: unknown): void {
    this.#values.delete(String(name));
  }

  get(name: unknown): string | null {
    return this.#values.get(String(name)) ?? null;
  }

  has(name: unknown): boolean {
    return this.#values.has(String(name));
  }

  set(name: unknown, value: unknown): void {
    const [key, text] = [String(name), String(value)];
    checkToken(key, 'parameter name');
    checkValue(text);
    this.#values.set(key, text);
  }

  *entries(): IterableIterator<[string, string]> {
    yield* this.#values.entries();
  }

  *keys(): IterableIterator<string> {
    yield* this.#values.keys();
  }

  *values(): IterableIterator<string> {
    yield* this.#values.values();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toString(): string {
    return [...this.#values].map(([name, value]) => `${name}=${quoted(value)}`).join(';');
  }

  toJSON(): string {
    return this.toString();
  }

  /** Takes what can be understood of `text`; the first of several values of a name counts. */
  static read(params: MIMEParams, text: string): void {
    let rest = text;
    while (rest !== '') {
      rest = rest.slice(1).replace(SPACE_START, '');
      const nameEnd = /[;=]/.exec(rest)?.index ?? rest.length;
      const name = rest.slice(0, nameEnd).toLowerCase();
      rest = rest.slice(nameEnd);
      if (rest === '') return;
      if (rest.startsWith(';')) continue;
      rest = rest.slice(1);
      let value: string;
      if (rest.startsWith('"')) {
        const inner = /^"((?:[^"\\]|\\[\s\S])*)(?:"|\\?$)/.exec(rest.replace(/\\$/, ''));
        value = (inner?.[1] ?? rest.slice(1)).replace(/\\([\s\S])/g, '$1');
        rest = rest.slice(inner?.[0].length ?? rest.length);
        const next = rest.indexOf(';');
        rest = next < 0 ? '' : rest.slice(next);
      } else {
        const end = rest.indexOf(';');
        value = (end < 0 ? rest : rest.slice(0, end)).replace(SPACE_END, '');
        rest = end < 0 ? '' : rest.slice(end);
        if (value === '') continue;
      }
      if (TOKEN.test(name) && VALUE.test(value) && !params.has(name)) params.set(name, value);
    }
  }
}

export class MIMEType {
  #type: string;
  #subtype: string;
  readonly #params = new MIMEParams();

  constructor(input: unknown) {
    const text = `${String(input)}`.replace(SPACE_START, '').replace(SPACE_END, '');
    const slash = text.indexOf('/');
    const type = slash < 0 ? text : text.slice(0, slash);
    if (slash < 0 || !TOKEN.test(type)) throw badSyntax('type', text, firstOutside(type));
    const afterType = text.slice(slash + 1);
    const semicolon = afterType.indexOf(';');
    const raw = semicolon < 0 ? afterType : afterType.slice(0, semicolon);
    const subtype = raw.replace(SPACE_END, '');
    if (!TOKEN.test(subtype)) {
      throw badSyntax('subtype', text, firstOutside(subtype));
    }
    this.#type = type.toLowerCase();
    this.#subtype = subtype.toLowerCase();
    if (semicolon >= 0) MIMEParams.read(this.#params, afterType.slice(semicolon));
  }

  get type(): string {
    return this.#type;
  }

  set type(value: unknown) {
    checkToken(String(value), 'type');
    this.#type = String(value).toLowerCase();
  }

  get subtype(): string {
    return this.#subtype;
  }

  set subtype(value: unknown) {
    checkToken(String(value), 'subtype');
    this.#subtype = String(value).toLowerCase();
  }

  get essence(): string {
    return `${this.#type}/${this.#subtype}`;
  }

  get params(): MIMEParams {
    return this.#params;
  }

  toString(): string {
    const params = this.#params.toString();
    return params === '' ? this.essence : `${this.essence};${params}`;
  }

  toJSON(): string {
    return this.toString();
  }
}
