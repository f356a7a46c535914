/** Strings as WebIDL converts arguments to them. */

/** ES2024; the engine has it, the compiler's library does not. */
type WellFormed = string & { toWellFormed(): string };

/** Lone surrogates become U+FFFD. */
export function wellFormed(text: string): string {
  return (text as WellFormed).toWellFormed();
}

/** A string of whole characters; symbols are refused in V8's words. */
export function toUsv(value: unknown): string {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
  return wellFormed(`${value}`);
}
