/**
 * `Symbol.dispose` and `Symbol.asyncDispose`, which the engine lacks and Node 20 has. Whoever looks
 * them up while it loads (readable-stream) must load after this file.
 */

for (const name of ['dispose', 'asyncDispose']) {
  if (name in Symbol) continue;
  Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`) });
}

/** `Symbol.dispose`, for callers compiled against a library without it. */
export const kDispose: unique symbol = (Symbol as unknown as { dispose: symbol }).dispose as never;

/** `Symbol.asyncDispose`, likewise. */
export const kAsyncDispose: unique symbol = (Symbol as unknown as { asyncDispose: symbol })
  .asyncDispose as never;
