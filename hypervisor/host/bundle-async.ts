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
const LOWERED: Record<string, boolean> = {
  'async-await': false,
  'async-generator': false,
  'for-await': false,
};

/**
 * Around a bundle with awaits of the top level, which can be lowered only inside a function: it is
 * bundled as the body of one, and that is lowered as a whole.
 */
const WHOLE = {
  head: 'async function hvWhole() {',
  foot: '}',
  call: 'return hvWhole.call(this);})',
  /** What the lowered function begins with, and the name its frames are known by. */
  body: /(function hvWhole\(\) \{\s*return __async\(this, null, function\*) \(/,
  named: '$1 hvModule(',
} as const;

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

interface Wanted {
  readonly lowerAsync: boolean;
  readonly topLevelAwait: boolean;
}

/** True when the bundler's awaits are lowered after it (lowerWhole). */
export function isLoweredWhole({ lowerAsync, topLevelAwait }: Wanted): boolean {
  return lowerAsync && topLevelAwait;
}

/** The bundler's options on what it lowers and what it puts around the code; `head` begins an image. */
export function surroundings(
  wanted: Wanted,
  head: string,
): {
  readonly supported: Record<string, boolean>;
  readonly banner: { readonly js: string };
  readonly footer: { readonly js: string };
} {
  const isWhole = isLoweredWhole(wanted);
  return {
    // An `import()` left in the image would ask the engine's own module loader.
    supported: { 'dynamic-import': false, ...(wanted.lowerAsync && !isWhole ? LOWERED : {}) },
    banner: { js: isWhole ? WHOLE.head : head },
    footer: { js: isWhole ? WHOLE.foot : '})' },
  };
}

interface Lowering {
  readonly supported: Record<string, boolean>;
  readonly target: string;
  readonly sourcemap: 'external';
  readonly sourcesContent: true;
  readonly legalComments: 'none';
  readonly charset: 'utf8';
  readonly banner: string;
  readonly footer: string;
}

const LOWERING: Omit<Lowering, 'banner'> = {
  supported: LOWERED,
  target: 'es2023',
  sourcemap: 'external',
  sourcesContent: true,
  legalComments: 'none',
  charset: 'utf8',
  footer: WHOLE.call,
};

interface Built {
  readonly code: string;
  readonly map: string;
}

/**
 * Lowers what was bundled between the lines of WHOLE, its top level included. `head` begins the image;
 * `transform` is the bundler's.
 */
export async function lowerWhole(
  built: Built,
  head: string,
  transform: (code: string, options: Lowering) => Promise<Built>,
): Promise<Built> {
  const inline = Buffer.from(built.map).toString('base64');
  const { code, map } = await transform(
    `${built.code}//# sourceMappingURL=data:application/json;base64,${inline}\n`,
    { ...LOWERING, banner: head },
  );
  return { code: code.replace(WHOLE.body, WHOLE.named), map };
}
