/**
 * Async functions of guests that use `AsyncLocalStorage` or hooks. The engine tells nobody when a
 * promise job begins, so in such an image the bundler turns each `await` into a `yield` and its
 * helpers become the firmware's (guest-sdk/async-promises.ts), which carry the context across. Other
 * images keep the engine's own async functions: an `await` of a settled promise costs about twice as
 * much this way.
 */

/** Module of the firmware that only images ask for. */
export const ASYNC_MODULE = 'hv/internal/async';

/** What the bundler is told that the engine lacks. */
export const LOWERED: Readonly<Record<string, boolean>> = {
  'async-await': false,
  'async-generator': false,
  'for-await': false,
  // Awaits of the top level stay: they are in no function.
  'top-level-await': true,
};

const MODULE_NAME = /["'](?:node:)?async_hooks["']/;
/** `AsyncResource` alone, which many packages use when it is there, changes nothing one could see. */
const TELLS_CONTEXTS =
  /\b(?:AsyncLocalStorage|createHook|executionAsyncId|executionAsyncResource|triggerAsyncId)\b/;

/** True when something in `code` could tell which context code after an `await` runs in. */
export function needsContexts(code: string): boolean {
  return MODULE_NAME.test(code) && TELLS_CONTEXTS.test(code);
}

/** The bundler's helpers, from their first to their last line, and the firmware's in their place. */
const HELPERS: readonly (readonly [RegExp, string])[] = [
  [/^var __async = \(__this, __arguments, generator\) => \{\n(?:.|\n)*?^\};$/m, 'runAsync'],
  [
    /^var __asyncGenerator = \(__this, __arguments, generator\) => \{\n(?:.|\n)*?^\};$/m,
    'runAsyncGenerator',
  ],
];

/** Puts the firmware's helpers into lowered code. Every line keeps its number. */
export function withContexts(code: string): string {
  let text = code;
  for (const [helper, name] of HELPERS) {
    text = text.replace(helper, (own) => {
      const lines = '\n'.repeat(own.split('\n').length - 1);
      const from = `require(${JSON.stringify(ASYNC_MODULE)}).${name}`;
      const call =
        name === 'runAsync' ? from : `(self, args, body) => ${from}(self, args, body, __await)`;
      const variable = name === 'runAsync' ? '__async' : '__asyncGenerator';
      return `var ${variable} = ${call};${lines}`;
    });
  }
  return text;
}
