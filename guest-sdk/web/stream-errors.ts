/**
 * The errors of web streams. The package throws TypeErrors in its own words; here they get the code
 * Node has for what was wrong, and Node's words where the code has fixed ones.
 */

import { invalidThis, nodeError } from '../node/node-errors.ts';

const STATE =
  /lock|clos|released|invalidated|detached|state\)?|already|errored|respond|Insufficient|non-zero/;

const LOCKED = /already been locked for exclusive (?:read|(writ))ing/;

function errorFor(text: string): Error {
  const locked = LOCKED.exec(text);
  if (locked) {
    const locks = `${locked[1] ? 'Writable' : 'Readable'}Stream is locked`;
    return nodeError(TypeError, 'ERR_INVALID_STATE', `Invalid state: ${locks}`);
  }
  const owner = /can only be used on an? (\w+)$/.exec(text)?.[1];
  if (owner !== undefined) return invalidThis(owner.replace('ReadableSteam', 'ReadableStream'));
  if (text === 'Illegal constructor') return nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', text);
  if (/enumeration value/.test(text)) return nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', text);
  if (/not iterable/.test(text)) return nodeError(TypeError, 'ERR_ARG_NOT_ITERABLE', text);
  const isAboutType = /is not an? |is required|must (?:be|return) an? /;
  if (isAboutType.test(text)) return nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
  if (STATE.test(text)) return nodeError(TypeError, 'ERR_INVALID_STATE', `Invalid state: ${text}`);
  return new TypeError(text);
}

/** Stands for `TypeError` inside the package (scripts/build-firmware.mjs). */
export function WebTypeError(text: string): Error {
  return errorFor(String(text));
}
WebTypeError.prototype = TypeError.prototype;
