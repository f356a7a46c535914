/** The global `Intl`, and the methods of the language that print for people. Loaded when first used. */

import type * as Library from './intl/index.ts';

declare function require(name: './intl/index.ts'): typeof Library;

type Kind = 'date' | 'time' | 'any';

/** Called once, while the firmware starts. */
export function installIntl(): void {
  Object.defineProperty(globalThis, 'Intl', {
    get: () => become(require('./intl/index.ts').table),
    set: become,
    enumerable: false,
    configurable: true,
  });
  const dates: readonly (readonly [string, Kind])[] = [
    ['toLocaleString', 'any'],
    ['toLocaleDateString', 'date'],
    ['toLocaleTimeString', 'time'],
  ];
  for (const [name, kind] of dates) {
    define(
      Date.prototype,
      name,
      function (this: Date, locales?: unknown, options?: unknown): string {
        return require('./intl/index.ts').dateText(this, kind, locales, options);
      },
    );
  }
  define(
    Number.prototype,
    'toLocaleString',
    function (this: number, locales?: unknown, options?: unknown): string {
      const { NumberFormat } = require('./intl/index.ts');
      return new NumberFormat(locales, options).format(Number(this));
    },
  );
  define(
    BigInt.prototype,
    'toLocaleString',
    function (this: bigint, locales?: unknown, options?: unknown): string {
      const { NumberFormat } = require('./intl/index.ts');
      return new NumberFormat(locales, options).format(BigInt(this));
    },
  );
  define(
    String.prototype,
    'localeCompare',
    function (this: string, other?: unknown, _locales?: unknown, options?: unknown): number {
      const given = options === undefined ? {} : (options as Readonly<Record<string, unknown>>);
      return require('./intl/index.ts').compareTexts(String(this), String(other), given);
    },
  );
}

function become(value: unknown): unknown {
  Object.defineProperty(globalThis, 'Intl', {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
  return value;
}

/** A method that cannot be constructed and is named as the one it replaces. */
function define(
  target: object,
  name: string,
  method: (this: never, ...args: never[]) => unknown,
): void {
  const { [name]: value } = {
    [name](this: unknown, ...args: unknown[]): unknown {
      return Reflect.apply(method, this, args);
    },
  };
  Object.defineProperty(value, 'length', {
    value: name === 'localeCompare' ? 1 : 0,
    configurable: true,
  });
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
