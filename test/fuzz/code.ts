/** Arbitraries that write JavaScript: text with holes, and the values and expressions that fill them. */

import fc from 'fast-check';

export type Code = fc.Arbitrary<string>;
type Hole = Code | fc.Arbitrary<number>;

/** Text with holes. Shrinks hole by hole. */
export function code(strings: TemplateStringsArray, ...holes: readonly Hole[]): Code {
  const texts = strings.raw;
  if (holes.length === 0) return fc.constant(texts[0] ?? '');
  return fc
    .tuple(...holes)
    .map((values) => texts.map((text, index) => `${text}${values[index] ?? ''}`).join(''));
}

export function pick(...texts: readonly string[]): Code {
  return fc.constantFrom(...texts);
}

export const small: fc.Arbitrary<number> = fc.nat({ max: 9 });
export const count: fc.Arbitrary<number> = fc.integer({ min: 1, max: 12 });
export const slot: Code = small.map((n) => `get(${n})`);

/** In parentheses when it has a sign: `-` before it and `**` behind it want that. */
function literal(value: number): string {
  return value < 0 || Object.is(value, -0) ? `(-${-value})` : String(value);
}

const number: Code = fc.oneof(
  fc.integer({ min: -9, max: 99 }).map(literal),
  pick('NaN', '(-0)', 'Infinity', '(-Infinity)', '1e21', '1e-7', '0.1', '2147483648', '4294967295'),
  pick('(-2147483649)', '9007199254740993', '5e-324', '0x7fffffff', '1.7976931348623157e308'),
  fc.double().map(literal),
);

export const text: Code = fc.oneof(
  pick('""', '"a"', '"abc"', '"10"', '"2"', '"01"', '"-0"', '"__proto__"', '"\\0nul"', '" x "'),
  pick(
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"\\udc00lone"',
    '"e\\u0301"',
    '"stra\\u00dfe"',
    '"\\u0130I"',
  ),
  pick('"{\\"a\\":[1,2]}"', '"2024-02-30T25:00"', '"a,b;c"', '"\\r\\n"', '"$1$&$`"', '"aGk="'),
  fc.string({ maxLength: 12 }).map((value) => JSON.stringify(value)),
);

const nullary: Code = pick(
  'true',
  'false',
  'null',
  'undefined',
  'Math.random()',
  'Date.now()',
  'performance.now()',
  'hash()',
  '[]',
  '({}).x',
  '10n',
  'Symbol.iterator',
);

/** An expression of any type; evaluating it may throw. */
export const expression: Code = fc.letrec<{ e: string }>((tie) => ({
  e: fc.oneof(
    { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: fc.oneof(number, slot, text, nullary) },
    {
      weight: 2,
      arbitrary: code`(${tie('e')} ${pick('+', '-', '*', '/', '%', '**', '&', '|', '^', '<<', '>>>', '<', '==', '===', '&&', '||', '??')} ${tie('e')})`,
    },
    { weight: 1, arbitrary: code`(${pick('-', '+', '~', '!', 'typeof ', 'void ')}(${tie('e')}))` },
    { weight: 1, arbitrary: code`(${tie('e')} ? ${tie('e')} : ${tie('e')})` },
    { weight: 1, arbitrary: code`[${tie('e')}, ${tie('e')}, ...str(${tie('e')})]` },
    {
      weight: 1,
      arbitrary: code`({ b: ${tie('e')}, ${small}: ${tie('e')}, a: ${tie('e')}, [str(${tie('e')})]: 1 })`,
    },
    { weight: 1, arbitrary: tie('e').map((inner) => `\`<\${str(${inner})}>\``) },
    {
      weight: 1,
      arbitrary: code`Math.${pick('sin', 'exp', 'log', 'cbrt', 'fround', 'trunc', 'clz32', 'sinh', 'atan')}(num(${tie('e')}))`,
    },
    {
      weight: 1,
      arbitrary: code`str(${tie('e')}).${pick('length', 'toUpperCase()', 'normalize("NFD")', 'split("")', 'at(-1)', 'trim()', 'codePointAt(0)', 'padEnd(9, "xy")', 'slice(1)', 'replace(/a/g, "$&$&")', 'localeCompare("b")', 'charCodeAt(1)', 'isWellFormed?.()')}`,
    },
    {
      weight: 1,
      arbitrary: code`num(${tie('e')}).${pick('toString(36)', 'toFixed(3)', 'toPrecision(4)', 'toExponential()', 'toLocaleString()')}`,
    },
  ),
})).e;

/** An expression whose exception is its value: for places that nothing catches. */
export const value: Code = code`val(() => ${expression})`;
