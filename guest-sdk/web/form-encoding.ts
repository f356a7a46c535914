/** application/x-www-form-urlencoded (URL Standard, section 5): the text of a query and its pairs. */

import { percentDecode } from './percent-encode.ts';
import { wellFormed } from './usv.ts';

/** Names and values in turn: what a query holds, in order. */
export type FlatPairs = string[];

function decodePart(text: string): string {
  return percentDecode(text.includes('+') ? text.replaceAll('+', ' ') : text);
}

export function parseForm(text: string): FlatPairs {
  const pairs: FlatPairs = [];
  if (text === '') return pairs;
  for (const part of text.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    pairs.push(decodePart(at < 0 ? part : part.slice(0, at)));
    pairs.push(at < 0 ? '' : decodePart(part.slice(at + 1)));
  }
  return pairs;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '!': '%21',
  "'": '%27',
  '(': '%28',
  ')': '%29',
  '~': '%7E',
  '%20': '+',
};

function encodePart(text: string): string {
  if (/^[\w.*-]*$/.test(text)) return text;
  return encodeURIComponent(wellFormed(text)).replace(
    /[!'()~]|%20/g,
    (found) => ESCAPES[found] as string,
  );
}

export function serializeForm(pairs: FlatPairs): string {
  let text = '';
  for (let i = 0; i < pairs.length; i += 2) {
    if (i > 0) text += '&';
    text += `${encodePart(pairs[i] as string)}=${encodePart(pairs[i + 1] as string)}`;
  }
  return text;
}
