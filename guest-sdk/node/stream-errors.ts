/**
 * Gives readable-stream our errors: its own have the code on a prototype and shortened texts, which
 * shows when one is printed. Must be evaluated before the package's other files, which copy the
 * constructors while they load; stream.ts imports it first.
 */

/// <reference path="./vendor.d.ts" />

import './dispose-symbols.ts';
import errors from 'readable-stream/lib/ours/errors.js';
import {
  AbortError,
  type ErrorBase,
  invalidArgType,
  invalidArgValue,
  invalidReturnValue,
  missingArgs,
  nodeError,
  outOfRange,
  unknownEncoding,
} from './node-errors.ts';

type Make = (...args: never[]) => Error;

const fixed = (Base: ErrorBase, code: string, text: (subject: string) => string): Make => {
  return (subject: unknown) => nodeError(Base, code, text(String(subject)));
};

/** Node 20 takes every view as a chunk; the package names bytes only. */
const chunkTypes = ['string', 'Buffer', 'TypedArray', 'DataView'];

const makers: Readonly<Record<string, Make>> = {
  ERR_INVALID_ARG_TYPE: (name: string, expected: string | string[], actual: unknown) =>
    invalidArgType(name, name === 'chunk' ? chunkTypes : expected, actual),
  ERR_INVALID_ARG_VALUE: invalidArgValue,
  ERR_INVALID_RETURN_VALUE: invalidReturnValue,
  ERR_MISSING_ARGS: missingArgs,
  ERR_OUT_OF_RANGE: outOfRange,
  ERR_UNKNOWN_ENCODING: unknownEncoding,
};

const texts: readonly (readonly [string, ErrorBase, (subject: string) => string])[] = [
  ['ERR_MULTIPLE_CALLBACK', Error, () => 'Callback called multiple times'],
  ['ERR_METHOD_NOT_IMPLEMENTED', Error, (name) => `The ${name} method is not implemented`],
  [
    'ERR_STREAM_ALREADY_FINISHED',
    Error,
    (name) => `Cannot call ${name} after a stream was finished`,
  ],
  ['ERR_STREAM_CANNOT_PIPE', Error, () => 'Cannot pipe, not readable'],
  ['ERR_STREAM_DESTROYED', Error, (name) => `Cannot call ${name} after a stream was destroyed`],
  ['ERR_STREAM_NULL_VALUES', TypeError, () => 'May not write null values to stream'],
  ['ERR_STREAM_PREMATURE_CLOSE', Error, () => 'Premature close'],
  ['ERR_STREAM_PUSH_AFTER_EOF', Error, () => 'stream.push() after EOF'],
  ['ERR_STREAM_UNSHIFT_AFTER_END_EVENT', Error, () => 'stream.unshift() after end event'],
  ['ERR_STREAM_WRITE_AFTER_END', Error, () => 'write after end'],
  ['ERR_ILLEGAL_CONSTRUCTOR', TypeError, () => 'Illegal constructor'],
];

/** A function that works with and without `new`: the package uses both. */
function asConstructor(make: Make): unknown {
  return function StreamError(...args: never[]): Error {
    return make(...args);
  };
}

for (const [code, make] of Object.entries(makers)) errors.codes[code] = asConstructor(make);
for (const [code, Base, text] of texts) errors.codes[code] = asConstructor(fixed(Base, code, text));
errors.AbortError = AbortError;
