/** Code that stands in for what cannot be in an image: it throws, when it is reached, as Node would. */

import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { Script } from 'node:vm';
import { INSTEAD, packageName } from './bundle-hints.ts';

const UNSUPPORTED = 'ERR_HV_UNSUPPORTED';

/** Thrown code instead of a module; the same words and codes as Node's. */
function throwing(message: string, fields: Readonly<Record<string, unknown>>): string {
  return `throw Object.assign(new Error(${JSON.stringify(message)}), ${JSON.stringify(fields)});`;
}

/** Node's header of an error with a code; its stack is text, so that the header stays. */
function throwingCoded(message: string, code: string): string {
  const stack = `error.stack=error.stack.replace('Error','Error [${code}]')`;
  return `const error=new Error(${JSON.stringify(message)});error.code=${JSON.stringify(code)};${stack};throw error;`;
}

/** What an `import` found nothing for. */
export function missingModule(specifier: string, importer: string): string {
  const why = nodesReason(specifier, importer);
  if (why !== undefined) return throwingCoded(why.message, why.code);
  const isFile = /^[./]/.test(specifier);
  const name = isFile
    ? `module '${resolve(dirname(importer), specifier)}'`
    : `package '${specifier}'`;
  return throwingCoded(`Cannot find ${name} imported from ${importer}`, 'ERR_MODULE_NOT_FOUND');
}

/** Why Node does not give it, where that is more than that nothing is there. */
export function nodesReason(
  specifier: string,
  importer: string,
): { readonly message: string; readonly code: string } | undefined {
  try {
    createRequire(importer).resolve(specifier);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isPlain = code === undefined || code === 'MODULE_NOT_FOUND' || specifier === '';
    return isPlain ? undefined : { code, message };
  }
}

/** What Node says of a file that does not parse; `text`: what the bundler says. */
export function complaintAbout(path: string, text: string): string {
  try {
    const source = readFileSync(path, 'utf8');
    if (path.endsWith('.json')) JSON.parse(source);
    else if (/\.c?js$/.test(path)) new Script(Module.wrap(source));
  } catch (error) {
    const { message } = error as Error;
    return path.endsWith('.json') ? `${path}: ${message}` : message;
  }
  return text;
}

/** A file that does not parse. */
export function brokenFile(message: string): string {
  return `throw new SyntaxError(${JSON.stringify(message)});`;
}

/** In the place of a package that loads the addon of the one at `importer`. */
export function addonLoader(importer: string): string {
  const text = addonText(importer);
  const fail = `() => { ${throwing(text, { code: UNSUPPORTED })} }`;
  return `module.exports = Object.assign(${fail}, { path: ${fail}, resolve: ${fail}, find: ${fail}, load: ${fail} });`;
}

export function nativeAddon(path: string): string {
  return throwing(addonText(path), { code: UNSUPPORTED });
}

function addonText(path: string): string {
  const name = packageName(path);
  const instead = (name && INSTEAD[name]) ?? 'a package without native code';
  const whose = name === undefined ? '' : ` of the package ${name}`;
  return `Cannot load the native addon${whose} '${path}': a guest runs JavaScript only. Use ${instead}`;
}

/** A file that is neither source text nor JSON. */
export function unknownKind(path: string): string {
  if (path.endsWith('.wasm')) {
    const text = `Cannot load '${path}': a guest has no WebAssembly. Use a package in JavaScript`;
    return throwing(text, { code: UNSUPPORTED });
  }
  const text = `Cannot load '${path}': it is no JavaScript, TypeScript or JSON`;
  return throwing(text, { code: 'ERR_UNKNOWN_FILE_EXTENSION' });
}
