/** Operations of a history in words. */

import type { Operation } from './history.ts';

export function describe({ client, key, call, answer, begin, end }: Operation): string {
  const words =
    'value' in call ? `${call.type} ${key} ${short(call.value)}` : `${call.type} ${key}`;
  const heard = end === Infinity ? 'was cut off' : `heard ${short(answer)}`;
  const span = `${begin}..${end === Infinity ? '' : end}`;
  return `client ${client} ${words} ${heard} (events ${span})`;
}

function short(value: string | number | undefined): string {
  if (typeof value !== 'string') return String(value);
  return value.length > 120 ? `...${value.slice(-117)}` : value;
}
