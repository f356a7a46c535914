/**
 * Late binding of `util.inspect` for modules below it: error texts show values, and inspect itself
 * is built on modules that throw such errors.
 */

export interface InspectHook {
  inspect(value: unknown, options?: object): string;
}

/** Replaced by inspect.ts when it is evaluated. Until then, values show in their plainest form. */
export const inspectHook: InspectHook = {
  inspect: (value) => (typeof value === 'string' ? `'${value}'` : String(value)),
};
