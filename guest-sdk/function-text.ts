/**
 * `Function.prototype.toString` for functions of the firmware, which keep no source text: the engine
 * shows each of them as it shows a native function, a class as well. `util.inspect` and others tell
 * classes by their text, so a class begins with its own word here.
 */

const nativeText = Function.prototype.toString;
/** Constructors the engine brought: their `prototype` is fixed, too, as is that of a class. */
const natives = new Set<unknown>();

function noteNatives(): void {
  const scope = Object.getOwnPropertyDescriptors(globalThis) as Record<string, PropertyDescriptor>;
  for (const { value } of Object.values(scope)) natives.add(value);
  const hidden = [async () => {}, function* () {}, async function* () {}, new Int8Array()];
  for (const one of hidden) {
    natives.add(one.constructor);
    natives.add(Object.getPrototypeOf(one.constructor));
  }
}

function isClass(target: unknown): boolean {
  if (natives.has(target)) return false;
  const prototype = Object.getOwnPropertyDescriptor(target as object, 'prototype');
  return prototype?.writable === false;
}

/** Call once, when the global scope has the engine's constructors and no class of the firmware. */
export function installFunctionText(): void {
  noteNatives();
  const text = {
    toString(this: unknown): string {
      const shown = nativeText.call(this as () => void);
      if (!shown.endsWith('[native code]\n}') || !isClass(this)) return shown;
      return shown.replace(/^function (.*)\(\) \{/, 'class $1 {');
    },
  }.toString;
  Object.defineProperty(Function.prototype, 'toString', { value: text });
}
