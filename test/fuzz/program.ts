/** Random guests: ordinary scripts in the form a bundled image has. */

import fc from 'fast-check';
import { endings, listener, statement } from './snippets.ts';

/** What every program has: numbered output, values shared between callbacks, an end to all of it. */
const PRELUDE = `
const { inspect, format } = require('util'); const { EventEmitter } = require('events');
const net = require('net'); const os = require('os'); const crypto = require('crypto');
let lines = 0; let budget = 400; let mixed = 7; const shared = []; let puts = 0;
const mix = (text) => { for (let i = 0; i < text.length && i < 60; i++) mixed = (Math.imul(mixed, 31) + text.charCodeAt(i)) | 0; };
const str = (v) => { try { return typeof v === 'object' && v !== null ? show(v) : String(v); } catch (x) { return 'unprintable'; } };
const num = (v) => { try { return Number(v); } catch { return 3; } };
const show = (v, depth = 0) => {
  if (typeof v === 'string') return v.length > 300 ? v.slice(0, 300) + '~' + v.length : v;
  if (typeof v === 'bigint') return v + 'n';
  if (typeof v === 'function') return 'function ' + v.name;
  if (typeof v !== 'object' || v === null) return Object.is(v, -0) ? '-0' : String(v);
  if (depth > 4) return '...';
  if (v instanceof Error) return v.name + ': ' + v.message;
  if (Array.isArray(v) || ArrayBuffer.isView(v)) return '[' + Array.from(v.slice?.(0, 60) ?? [], (x) => show(x, depth + 1)).join(',') + ']';
  if (v instanceof Map || v instanceof Set) return '<' + [...v].slice(0, 60).map((x) => show(x, depth + 1)).join(';') + '>';
  return '{' + Object.keys(v).slice(0, 60).map((k) => k + ':' + show(v[k], depth + 1)).join(',') + '}';
};
const out = (tag, ...values) => { if (++lines > 300) return; const line = tag + ' ' + values.map((v) => { try { return show(v); } catch (x) { return 'x:' + x?.message; } }).join(' '); mix(line); process.stdout.write(line + '\\n'); };
const put = (v) => { shared[puts++ % 10] = v; return v; };
const get = (n) => shared[n % 10];
const val = (run) => { try { return run(); } catch (x) { return x?.message; } };
const hash = () => mixed;
const spend = (n = 1) => (budget -= n) > 0;
const attempt = (tag, run) => { if (!spend()) return; try { out(tag, run()); } catch (x) { out(tag + '!', x); } };
`;

export function image(statements: readonly string[]): string {
  let number = 0;
  const lines = statements.map((line) => line.replaceAll('§', () => `t${number++}`));
  return `(function hvMain(require, module, exports, __filename, __dirname) {${PRELUDE}\n${lines.join('\n')}\nout('end of main', hash());\n})`;
}

/** The text of an image (hypervisor/host/bundle.ts writes the like for scripts with files). */
export const program: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(statement, { minLength: 1, maxLength: 6, size: 'max' }),
    fc.array(listener, { maxLength: 2, size: 'max' }),
    fc.oneof(
      { weight: 19, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.oneof(...endings) },
    ),
  )
  .map(([statements, listeners, ending]) => image([...listeners, ...statements, ending]));
