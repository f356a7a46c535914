import { describe, expect, test } from 'vitest';
import { runInGuest, runInNode, scripts } from './kernel-runner.ts';

/** What is printed, where it points and how the process ends is Node's own. */
const SAME_AS_NODE: Readonly<Record<string, string>> = {
  'throw.js': "const x = 1;\nfunction f() {\n\tif (x) throw new Error('abc');\n}\nf();",
  'throw.mjs': "import net from 'node:net';\nif (net) throw new Error('module');",
  'fields.js':
    "Object.defineProperty(globalThis, 'q', { value: 1 });\nthrow Object.assign(new TypeError('x'), { code: 'E', list: [1, { a: 2 }] });",
  'reject.js': "Promise.reject(new Error('rejected'));",
  'async.js': "async function f() {\n  await null;\n  throw new RangeError('later');\n}\nf();",
  'subclass.js':
    "class MyError extends Error {\n  constructor(m) {\n    super(m);\n    this.name = 'MyError';\n  }\n}\nthrow new MyError('mine');",
  'cause.js': "throw new Error('outer', { cause: 5 });",
  'exit-event.js':
    "process.on('exit', (code) => console.log('exit', code, process.exitCode));\nthrow new Error('x');",
  'exit-throws.js':
    "process.on('exit', () => {\n  console.log('exit');\n  process.nextTick(() => {});\n  f();\n});\nfunction f() {\n  throw new Error('in exit');\n}",
  'exit-code.js':
    "process.exitCode = 3;\nprocess.on('exit', (code) => { console.log(code); process.exitCode = 4; });",
  'exit-call.js':
    "process.on('exit', (code) => { console.log(code); process.exit(9); });\nsetTimeout(() => { try { process.exit(2); } finally { console.log('never'); } });",
  'changed-in-exit.js':
    "process.on('exit', () => { process.exitCode = 21; });\nthrow new Error('x');",
  'unsettled.mjs':
    "process.on('exit', (code) => console.log('exit', code));\nawait new Promise(() => {});",
  'handler-throws.js':
    "process.on('uncaughtException', again);\nfunction again() {\n  throw new Error('again');\n}\nthrow new Error('first');",
  'monitor.js':
    "process.on('uncaughtExceptionMonitor', (e, origin) => console.log(e.message, origin));\nPromise.reject(new Error('seen'));",
  'warnings.js':
    "process.emitWarning('a');\nprocess.emitWarning('b', { type: 'T', code: 'C', detail: 'd' });\nprocess.emitWarning('c', 'DeprecationWarning', 'DEP1');\nconst p = Promise.reject(1);\nprocess.on('unhandledRejection', () => {});\nsetTimeout(() => p.catch(() => {}), 1);",
  'syntax.js': 'let a = 1;\nlet b = ;\n',
  'syntax.mjs': 'export let a = 1;\nlet b = ;\n',
  'stacks.js': `
class ValidationError extends Error { constructor(m) { super(m); this.name = 'ValidationError'; } }
class Plain extends Error {}
function Old(m) { Error.call(this); this.message = m; this.name = 'Old'; Error.captureStackTrace(this, Old); }
require('util').inherits(Old, Error);
for (const Class of [ValidationError, Plain, Old, TypeError]) {
  const error = new Class('text');
  console.log(error.stack); console.log(error); console.log(String(error), Object.getOwnPropertyNames(error).sort());
}
const holder = {}; Error.captureStackTrace(holder); console.log(holder.stack.split('\\n')[0]);
try { missing(); } catch (error) { console.log(error.name, error instanceof ReferenceError); }
console.log(new AggregateError([new Error('a')], 'all').errors.length, Error('called') instanceof Error, Error.name, TypeError.length, Object.getPrototypeOf(TypeError) === Error);
console.log(Object.prototype.toString.call(new Error('x')), 'InternalError' in globalThis, { ...new Error('y') });
const prepare = Error.prepareStackTrace; Error.prepareStackTrace = (error, sites) => sites.map((s) => [s.getLineNumber(), s.getFileName() === __filename][1]).slice(0, 1);
console.log(new Error('sites').stack); Error.prepareStackTrace = prepare;
Error.stackTraceLimit = 0; console.log(new Error('none').stack);`,
};

describe('an error nobody caught prints and ends as in Node:', () => {
  for (const [name, source] of Object.entries(SAME_AS_NODE)) {
    test(name, async () => {
      const file = scripts({ [name]: source });
      const node = runInNode(file);
      expect(await runInGuest(file)).toEqual(node);
      expect(node.stdout + node.stderr + node.code).not.toBe('0');
    });
  }
});

describe('what a guest knows less of than Node', () => {
  test('a thrown value that is no error has no place, but its text and code', async () => {
    const text = await runInGuest(scripts({ 'value.js': "throw 'abc';" }));
    expect(text.code).toBe(1);
    expect(text.stderr).toBe(
      'Uncaught:\nabc\n(Use `node --trace-uncaught ...` to show where the exception was thrown)\n\nNode.js vNODE\n',
    );
    const object = await runInGuest(scripts({ 'object.js': 'throw { a: 1 };' }));
    expect(object.stderr).toBe('Uncaught:\n{ a: 1 }\n\nNode.js vNODE\n');
  });

  test('a rejection with a value names the value', async () => {
    const { stderr, code } = await runInGuest(scripts({ 'value.js': 'Promise.reject({ a: 1 });' }));
    expect(code).toBe(1);
    expect(stderr).toContain(
      '[UnhandledPromiseRejection: This error originated either by throwing',
    );
    expect(stderr).toContain('The promise rejected with the reason "#<Object>".]');
    expect(stderr).toContain("code: 'ERR_UNHANDLED_REJECTION'");
  });

  test('an error of the engine itself is printed with its class and the line it happened in', async () => {
    const source = 'function f(o) {\n  return o.missing.x;\n}\nsetTimeout(() => f({}), 1);';
    const file = scripts({ 'engine.js': source });
    const { stderr, code } = await runInGuest(file);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^${file}:2\n  return o\\.missing\\.x;\n +\\^\n\nTypeError: `),
    );
    expect(stderr).toContain(`    at f (${file}:2:`);
    expect(stderr).not.toMatch(/hv:|native/);
  });

  test('frames of TypeScript files point into the TypeScript', async () => {
    const file = scripts({
      'typed.ts':
        "import { fail } from './typed-part.ts';\ninterface Gone { readonly a: string }\nconst given: Gone = { a: 'x' };\nfail(given.a);",
      'typed-part.ts':
        'type Text = string;\n\nexport function fail(text: Text): never {\n  throw new Error(text);\n}',
    });
    const { stderr } = await runInGuest(file);
    expect(stderr).toContain(`typed-part.ts:4\n  throw new Error(text);\n`);
    expect(stderr).toMatch(/at fail \(.*typed-part\.ts:4:9\)\n {4}at .*typed\.ts:4:1/);
  });
});
