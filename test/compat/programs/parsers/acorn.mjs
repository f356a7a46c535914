import { Parser, tokenizer } from 'acorn';
import { createPatch, diffChars, diffLines } from 'diff';
import ts from 'typescript';

console.log(
  JSON.stringify(Parser.parse('const f = async (a, ...b) => a?.b ?? 1;', { ecmaVersion: 2022 }))
    .length,
  [...tokenizer('a + 1', { ecmaVersion: 2020 })].map(({ type }) => type.label),
);
try {
  Parser.parse('let let', { ecmaVersion: 2020, sourceType: 'module' });
} catch (error) {
  console.log(error.name, error.message);
}
console.log(
  diffChars('abc', 'adc').map(({ value, added, removed }) => [value, added, removed]),
  createPatch('f', 'a\nb\n', 'a\nc\n'),
  diffLines('a\n', 'b\n').length,
);
console.log(
  ts.transpileModule(
    'enum A { B = 1 } const x: number = <any>A.B; export class C<T> { constructor(private readonly y: T) {} }',
    { compilerOptions: { target: ts.ScriptTarget.ES2020, module: ts.ModuleKind.CommonJS } },
  ).outputText,
);
