/** `util.parseEnv`: the text of an environment file as an object. */

import { validateString } from './validators.ts';

const KEY = /^[ \t]*(?:export[ \t]+)?([^=\n]*?)[ \t]*=[ \t]*/;
const QUOTES = ['"', "'", '`'] as const;

/** The value at the start of `text`, and how much of it that takes. */
function readValue(text: string): { value: string; length: number } {
  const quote = QUOTES.find((one) => text.startsWith(one));
  const close = quote === undefined ? -1 : text.indexOf(quote, 1);
  const lineEnd = text.indexOf('\n');
  const end = lineEnd < 0 ? text.length : lineEnd;
  if (quote !== undefined && close > 0) {
    const inner = text.slice(1, close);
    const after = text.indexOf('\n', close);
    return {
      value: quote === '"' ? inner.replaceAll('\\n', '\n') : inner,
      length: after < 0 ? text.length : after,
    };
  }
  const [value = ''] = text.slice(0, end).split('#', 1);
  return { value: value.trim(), length: end };
}

export function parseEnv(content: unknown): Record<string, string> {
  validateString(content, 'content');
  const found: Record<string, string> = {};
  let rest = content.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  while (rest !== '') {
    const lineEnd = rest.indexOf('\n');
    const line = lineEnd < 0 ? rest : rest.slice(0, lineEnd);
    const key = KEY.exec(line);
    const next = lineEnd < 0 ? rest.length : lineEnd + 1;
    if (key === null || /^\s*#/.test(line) || key[1] === '') {
      rest = rest.slice(next);
      continue;
    }
    const { value, length } = readValue(rest.slice(key[0].length));
    found[key[1] ?? ''] = value;
    rest = rest.slice(key[0].length + length + 1);
  }
  return found;
}
