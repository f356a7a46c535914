'use strict';
/**
 * RESP2 on the server's side: requests in, replies out, both as latin1 strings. One character is one
 * byte, so values stay binary-safe, and a packet is decoded once instead of once per argument.
 */

const INLINE_MAX = 64 * 1024;
const ARGUMENTS_MAX = 1024 * 1024;
const BULK_MAX = 512 * 1024 * 1024;

class ProtocolError extends Error {}

/** Cuts a stream of text into requests. Keeps what is incomplete, wherever the packet ended. */
class RequestParser {
  constructor() {
    this.text = '';
    this.at = 0;
    this.arguments = [];
    this.missing = 0;
    this.bulk = -1;
    // While a large value arrives its packets wait here, so that they are joined once, at the end.
    this.parts = [];
    this.partsLength = 0;
    this.need = 0;
  }

  push(part) {
    if (this.need > 0) {
      this.parts.push(part);
      this.partsLength += part.length;
      if (this.text.length - this.at + this.partsLength < this.need) return;
      part = this.parts.join('');
      this.parts = [];
      this.partsLength = 0;
      this.need = 0;
    }
    this.text = this.at === this.text.length ? part : this.text.slice(this.at) + part;
    this.at = 0;
  }

  /** The next complete request as an array of strings, or undefined until more has arrived. */
  next() {
    if (this.need > 0) return undefined;
    while (this.missing === 0) {
      if (this.at === this.text.length) return undefined;
      if (this.text.charCodeAt(this.at) !== 42 /* * */) {
        const words = this.inline();
        if (words === undefined || words.length > 0) return words;
        continue;
      }
      const count = this.header('multibulk', ARGUMENTS_MAX);
      if (count === undefined) return undefined;
      if (count > 0) this.missing = count;
    }
    while (this.missing > 0) {
      if (!this.argument()) return undefined;
    }
    const done = this.arguments;
    this.arguments = [];
    return done;
  }

  argument() {
    const { text } = this;
    if (this.bulk < 0) {
      if (this.at === text.length) return false;
      if (text.charCodeAt(this.at) !== 36 /* $ */) {
        throw new ProtocolError(`expected '$', got '${text[this.at]}'`);
      }
      const length = this.header('bulk', BULK_MAX);
      if (length === undefined) return false;
      if (length < 0) throw new ProtocolError('invalid bulk length');
      this.bulk = length;
    }
    const end = this.at + this.bulk;
    if (text.length < end + 2) {
      this.need = this.bulk + 2;
      return false;
    }
    this.arguments.push(text.slice(this.at, end));
    this.at = end + 2;
    this.bulk = -1;
    this.missing -= 1;
    return true;
  }

  header(what, max) {
    const end = this.text.indexOf('\r\n', this.at);
    if (end < 0) {
      if (this.text.length - this.at > 32) throw new ProtocolError(`invalid ${what} length`);
      return undefined;
    }
    const digits = this.text.slice(this.at + 1, end);
    const value = Number(digits);
    if (!(value <= max) || String(value) !== digits) {
      throw new ProtocolError(`invalid ${what} length`);
    }
    this.at = end + 2;
    return value;
  }

  inline() {
    const end = this.text.indexOf('\n', this.at);
    if (end < 0) {
      if (this.text.length - this.at > INLINE_MAX)
        throw new ProtocolError('too big inline request');
      return undefined;
    }
    const line = this.text.slice(this.at, this.text[end - 1] === '\r' ? end - 1 : end);
    this.at = end + 1;
    return splitWords(line);
  }
}

const ESCAPES = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** Words of an inline request; double quotes know escapes, single quotes only \'. */
function splitWords(line) {
  const words = [];
  let at = 0;
  for (;;) {
    while (line[at] === ' ' || line[at] === '\t') at += 1;
    if (at >= line.length) return words;
    let word = '';
    let quote = '';
    for (; at < line.length; at += 1) {
      const c = line[at];
      if (quote === '') {
        if (c === ' ' || c === '\t') break;
        if (c === '"' || c === "'") quote = c;
        else word += c;
      } else if (c === quote) {
        const after = line[at + 1];
        if (after !== undefined && after !== ' ' && after !== '\t') {
          throw new ProtocolError('unbalanced quotes in request');
        }
        quote = '';
      } else if (c === '\\' && quote === '"' && at + 1 < line.length) {
        const hex = line[at + 1] === 'x' ? line.slice(at + 2, at + 4) : '';
        if (/^[0-9a-fA-F]{2}$/.test(hex)) {
          word += String.fromCharCode(Number.parseInt(hex, 16));
          at += 3;
        } else {
          at += 1;
          word += ESCAPES[line[at]] ?? line[at];
        }
      } else if (c === '\\' && quote === "'" && line[at + 1] === "'") {
        word += "'";
        at += 1;
      } else {
        word += c;
      }
    }
    if (quote !== '') throw new ProtocolError('unbalanced quotes in request');
    words.push(word);
  }
}

const OK = '+OK\r\n';
const NIL = '$-1\r\n';
const ZERO = ':0\r\n';
const ONE = ':1\r\n';
const EMPTY = '*0\r\n';
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';
const NOT_INTEGER = '-ERR value is not an integer or out of range\r\n';
const SYNTAX = '-ERR syntax error\r\n';

function integer(value) {
  return `:${value}\r\n`;
}

function bulk(value) {
  return value === undefined ? NIL : `$${value.length}\r\n${value}\r\n`;
}

function array(values) {
  let out = `*${values.length}\r\n`;
  for (const value of values) out += bulk(value);
  return out;
}

function failure(text) {
  return `-ERR ${text.replace(/[\r\n]/g, ' ')}\r\n`;
}

module.exports = {
  RequestParser,
  ProtocolError,
  OK,
  NIL,
  ZERO,
  ONE,
  EMPTY,
  WRONG_TYPE,
  NOT_INTEGER,
  SYNTAX,
  integer,
  bulk,
  array,
  failure,
};
