/** Finishing touches that make a class look like one of WebIDL's interfaces. */

/** What `util.inspect` gives a custom inspection. */
export interface InspectOptions {
  readonly depth: number | null;
}

const kInspect = Symbol.for('nodejs.util.inspect.custom');

/** Options for the members of what is being inspected: one level less. */
export function innerOptions(options: InspectOptions): InspectOptions {
  return { ...options, depth: options.depth === null ? null : options.depth - 1 };
}

/**
 * Makes the members of `exposed`'s prototype enumerable, gives it its `toStringTag` and, if there is
 * one, its own way of being inspected. The last two are not class members because their names are
 * computed, and declarations could not be emitted for those file by file.
 */
export function exposeInterface<T extends object>(
  exposed: { readonly prototype: T },
  tag: string,
  inspect?: (self: T, depth: number, options: InspectOptions) => unknown,
): void {
  const { prototype } = exposed;
  // Bundling may have renamed the class.
  Object.defineProperty(exposed, 'name', { value: tag, configurable: true });
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name !== 'constructor') Object.defineProperty(prototype, name, { enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: tag, configurable: true });
  if (inspect === undefined) return;
  // A method: it has a name and no `prototype`, as those of Node have.
  const { [kInspect]: value } = {
    [kInspect](this: T, depth: number, options: InspectOptions): unknown {
      return inspect(this, depth, options);
    },
  };
  Object.defineProperty(prototype, kInspect, { value, writable: true, configurable: true });
}
