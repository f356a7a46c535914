/** Code that stands in for what cannot be in an image: it throws, when it is reached, as Node would. */

import { dirname, resolve } from 'node:path';

/** Thrown code instead of a module; the same words and codes as Node's. */
function throwing(message: string, fields: Readonly<Record<string, unknown>>): string {
  return `throw Object.assign(new Error(${JSON.stringify(message)}), ${JSON.stringify(fields)});`;
}

/** Node's header of an error with a code; its stack is text, so that the header stays. */
function throwingCoded(message: string, code: string): string {
  const stack = `error.stack=error.stack.replace('Error','Error [${code}]')`;
  return `const error=new Error(${JSON.stringify(message)});error.code=${JSON.stringify(code)};${stack};throw error;`;
}

/** A module nothing was found for. */
export function missingModule(specifier: string, importer: string, isImport: boolean): string {
  if (!isImport) {
    return throwing(`Cannot find module '${specifier}'\nRequire stack:\n- ${importer}`, {
      code: 'MODULE_NOT_FOUND',
      requireStack: [importer],
    });
  }
  const isFile = /^[./]/.test(specifier);
  const name = isFile
    ? `module '${resolve(dirname(importer), specifier)}'`
    : `package '${specifier}'`;
  return throwingCoded(`Cannot find ${name} imported from ${importer}`, 'ERR_MODULE_NOT_FOUND');
}

export function nativeAddon(path: string): string {
  const text = `Cannot load the native addon '${path}': a guest runs JavaScript only. Use a package without native code`;
  return throwing(text, { code: 'ERR_HV_UNSUPPORTED' });
}

/** A file that is neither source text nor JSON. */
export function unknownKind(path: string): string {
  const text = `Cannot load '${path}': it is no JavaScript, TypeScript or JSON`;
  return throwing(text, { code: 'ERR_UNKNOWN_FILE_EXTENSION' });
}
