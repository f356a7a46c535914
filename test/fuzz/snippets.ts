/**
 * What random programs are made of: statements, each about one thing that could differ between two
 * runs. `body` holds other statements; `§` becomes a tag that no other output of the program has. A statement
 * that throws is caught by `attempt` where it stands, so that programs go on.
 */

import fc from 'fast-check';
import {
  type Code,
  code,
  count,
  expression as e,
  pick,
  slot,
  small,
  text,
  value as v,
} from './code.ts';

const ms: Code = pick('0', '1', '2', '3', '5', '10', '50', '1000', '-1', 'NaN', '"4"', '1e10');

/** Statements that hold no others. */
export const plain: readonly Code[] = [
  code`out("§", ${v});`,
  code`put(${v});`,
  code`attempt("§", () => put([${e}, ${e}].map((x) => x)));`,
  // Order of collections, and of keys that look like indices.
  code`attempt("§", () => { const o = { b: 1, 2: 2, a: 3, 1: 4 }; o[str(${e})] = 5; o[${small}] = 6; delete o[${small}]; o.z = ${e}; return [Object.keys(o), Object.entries(o), Reflect.ownKeys(o)]; });`,
  code`attempt("§", () => { const m = new Map([[${e}, 1], [${e}, 2], [NaN, 3], [-0, 4]]); m.delete(${e}); m.set(${e}, 5); return [...m]; });`,
  code`attempt("§", () => { const s = new Set([${e}, ${e}, 0, -0, NaN, ...str(${e})]); for (const x of s) if (s.size < 20) s.add(str(x) + 1); return [...s]; });`,
  // Sorting: ties, comparators that contradict themselves, comparators of chance.
  code`attempt("§", () => Array.from({ length: ${count} * 9 }, (_, n) => ({ n, k: (n * 7 + ${small}) % ${count} })).sort((a, b) => a.k - b.k).map((x) => x.n).join(" "));`,
  code`attempt("§", () => Array.from({ length: ${count} * 5 }, (_, n) => n).sort((a, b) => ${pick('Math.random() - 0.5', '1', '-1', 'NaN', '(a * 7 + b * 3) % 3 - 1', '(a ^ b) & 1 ? a - b : b - a', 'undefined')}).join(" "));`,
  code`attempt("§", () => [${e}, ${e}, ${e}, undefined, , "10", 9, 1].sort().map(show));`,
  // Bits.
  code`attempt("§", () => { const f = new Float${pick('32', '64')}Array([num(${e}), num(${e}), NaN, -NaN, 0 / 0, Math.sqrt(-1)]); return [...new Uint8Array(f.buffer)].join(); });`,
  code`attempt("§", () => { const v = new DataView(new ArrayBuffer(16)); v.setFloat64(0, num(${e})); v.setInt32(8, num(${e}), true); v.setUint16(12, num(${e})); v.setFloat32(12, NaN); return [v.getBigUint64(0).toString(16), v.getUint32(8), v.getFloat32(10)]; });`,
  code`attempt("§", () => { const t = ${pick('Int8Array', 'Uint8ClampedArray', 'Uint16Array', 'Int32Array', 'Float32Array')}.from([${e}, ${e}, 300, -1.5].map(num)); t.sort(); t.copyWithin(1, 0, 2); t.set([1], 2); return [t.join(), t.subarray(1).length, t.at(-1), t.includes(1), t.byteOffset]; });`,
  code`attempt("§", () => { const n = BigInt(Math.trunc(num(${e}) || ${small})) ** ${count}n; return [n, -n / 7n, n % 10n, BigInt.asUintN(64, n), BigInt.asIntN(32, -n), n.toString(36)]; });`,
  // Regular expressions, backtracking ones too.
  code`attempt("§", () => ${pick('/^(a+)+$/', '/^(a|aa)+$/', '/(x+x+)+y/', '/^(\\w\\s?)*$/', '/(a*)*b/')}.test("a".repeat(${count} + 1) + str(${e}) + "!"));`,
  code`attempt("§", () => [...(str(${e}) + "a1b22c333 aB").matchAll(${pick('/[a-z](\\d+)/g', '/(?<k>\\w)(?=\\d)/g', '/(?<!a)./gu', '/\\p{L}/gu', '/(?:)/g', '/(a)|(b)/gi', '/[^]\\b/g')})].map((m) => [m.index, ...m, m.groups]));`,
  code`attempt("§", () => str(${e}).replace(${pick('/./gu', '/(.)(.)?/g', '/\\s+/', '/[^a]/gy', '/$/')}, ${pick('"<$&>"', '"$2$1$$"', '(...a) => a.length', '"$`$\'"')}).split(${pick('""', '/,/', '/(b)/', '"a"', 'undefined')}));`,
  code`attempt("§", () => { const r = new RegExp(${text}, "${pick('g', 'y', 'gu', 'i', 'v', 's', 'gd')}"); r.lastIndex = ${small}; return [r.exec(str(${e})), r.lastIndex, r.source, r.flags]; });`,
  // Errors.
  code`attempt("§", () => { const f = () => { try { throw new ${pick('Error', 'TypeError', 'RangeError', 'class Own extends Error {}')}(str(${e}), { cause: ${e} }); } catch (x) { if (${e}) throw x; return [x.name, x.message, x.cause, x.stack]; } finally { out("§f"); } }; return f(); });`,
  code`attempt("§", () => new Error(${text}).stack);`,
  code`attempt("§", () => { const o = {}; Error.captureStackTrace(o, ${pick('undefined', 'attempt', '() => {}')}); Error.stackTraceLimit = ${count}; return o.stack; });`,
  code`attempt("§", () => { const a = new AggregateError([new Error("x"), ${e}], "m"); return [a.errors.length, String(a), a.stack]; });`,
  code`attempt("§", () => ${pick('null.x', 'undefined()', 'x.y', '({}).f()', '(() => { const q = q; })()', 'new (class { constructor() { this.#x; } #x = missing })', 'BigInt(1.5)', 'Symbol() + ""', '[].reduce((a) => a)', '"x".repeat(-1)', 'new Array(-1)', 'JSON.parse("{")', 'decodeURIComponent("%")', 'structuredClone(() => {})', '(1).toFixed(101)')});`,
  code`attempt("§", () => { l: { for (const x of [1, 2, 3]) try { if (x > num(${e})) break l; if (x === 2) continue; out("§x", x); } finally { out("§y", x); } } return "end"; });`,
  code`attempt("§", () => { let n = 0; outer: for (let i = 0; i < ${count}; i++) { inner: for (let j = 0; j < ${count}; j++) { if (j === ${small}) continue outer; if (i * j > 30) break outer; n = (n * 31 + i - j) | 0; } } return n; });`,
  // Text.
  code`attempt("§", () => JSON.stringify([${e}, { a: ${e}, toJSON: undefined }, new Date(${small}), [, NaN, -0]], ${pick('null', '["a", "b", "0"]', '(k, v) => (typeof v === "bigint" ? str(v) : v)')}, ${pick('0', '2', '"\\t"')}));`,
  code`attempt("§", () => JSON.parse(${pick('"[1e400,-0,1E-400]"', '"{\\"__proto__\\":1,\\"a\\":2,\\"a\\":3,\\"1\\":4}"', '"\\"\\\\ud800\\""', '" [1 , 2]\\n"', '"[1,]"', '"01"', 'JSON.stringify({ deep: [[[{}]]] })')}, ${pick('undefined', '(k, v) => (k === "a" ? undefined : v)', '(k, v) => (put(v), v)')}));`,
  code`attempt("§", () => Buffer.from(str(${e}), "${pick('utf8', 'latin1', 'base64', 'base64url', 'hex', 'utf16le', 'ascii')}").toString("${pick('utf8', 'latin1', 'base64', 'base64url', 'hex', 'utf16le', 'ascii')}"));`,
  code`attempt("§", () => { const b = Buffer.concat([Buffer.from(str(${e})), Buffer.alloc(${count}, ${text})]); b.write(${text}, ${small}); return [b.indexOf("a"), b.slice(1, ${small}).equals(b), b.readUInt16BE(0), b.readDoubleLE(0), b.toJSON().data, b.swap16().inspect()]; });`,
  code`attempt("§", () => { const b = new TextEncoder().encode(str(${e}) + "\u20ac\ud800"); const d = new TextDecoder("${pick('utf-8', 'utf-16le', 'latin1')}", { fatal: ${pick('true', 'false')} }); return [b, d.decode(b.subarray(0, ${small}), { stream: true }) + d.decode(b.subarray(1))]; });`,
  code`attempt("§", () => { const { StringDecoder } = require("string_decoder"); const d = new StringDecoder("${pick('utf8', 'utf16le', 'base64')}"); return [d.write(Buffer.from(str(${e}))), d.write(Buffer.from([0xe2, 0x82])), d.end()]; });`,
  code`attempt("§", () => { let s = str(${e}); for (let i = 0; i < ${count}; i++) s = (s + "x" + s).slice(-${count} * 40); return [s.length, s.lastIndexOf("x"), s.at(${small}), s.toWellFormed?.(), encodeURIComponent(s.replace(/[\ud800-\udfff]/g, "?")), escape(s.slice(0, 9))]; });`,
  code`attempt("§", () => [inspect(${e}, { depth: ${small}, compact: ${pick('true', 'false', '3')} }), format("%s %d %j %o %%", ${e}, ${e}, ${e}, ${small})]);`,
  code`attempt("§", () => inspect({ m: new Map([[{ a: ${e} }, new Set([${e}])]]), p: Promise.resolve(1), f() {}, c: class A {}, e: new Error("e").message, w: new WeakMap(), d: new Date(num(${e})), r: /x/g, s: Symbol("q"), b: Buffer.from("hi"), g: (function* () {})() }));`,
  // Time and chance.
  code`attempt("§", () => { const d = new Date(${pick('num', 'str')}(${e})); d.setMonth(${small} - 4); return [d.getTime(), String(d), d.getDay(), d.getTimezoneOffset(), d.toLocaleString(), d.toISOString()]; });`,
  code`attempt("§", () => [Date.parse(${pick('"2024-02-29"', '"Feb 29 2024 10:00"', '"2024-13-01"', '"+275760-09-13T00:00:00.000Z"', '"12/31/1999"', '"Thu, 01 Jan 1970 00:00:00 GMT+0200"')}), Date.UTC(${small}, ${count}), new Date(2024, ${count}, ${count} * 9).valueOf(), Date()]);`,
  code`out("§", Math.random(), Math.random() * ${count} | 0, crypto.randomUUID(), crypto.randomBytes(${count}).toString("hex"), crypto.randomInt(${count} * 100), crypto.getRandomValues(new Uint32Array(2)));`,
  code`out("§", Date.now(), performance.now(), process.hrtime().join(), process.hrtime.bigint(), process.uptime());`,
  code`out("§", process.pid, process.argv.join(), process.cwd(), JSON.stringify(process.env), process.platform, process.version, os.hostname(), process.memoryUsage().heapUsed, os.cpus().length, os.uptime());`,
  // Objects.
  code`attempt("§", () => { class A { #x = ${e}; static #n = 0; static { A.#n = ${small}; } get x() { return this.#x; } set x(v) { this.#x = v; } static n() { return A.#n++; } [Symbol.toPrimitive](h) { return h + A.#n; } } class B extends A { constructor() { super(); this.y = super.x; } get x() { return [super.x, new.target]; } } const b = new B(); b.x = 1; return [b.x, b.y, str(b), +b, A.n(), Object.getOwnPropertyNames(B.prototype)]; });`,
  code`attempt("§", () => { const log = []; const p = new Proxy({ a: 1, 2: 2 }, { get(t, k, r) { log.push("get " + str(k)); return Reflect.get(t, k, r); }, has(t, k) { log.push("has " + str(k)); return k in t; }, ownKeys(t) { log.push("keys"); return Reflect.ownKeys(t).reverse(); }, set(t, k, v) { log.push("set " + str(k)); t[k] = v; return ${pick('true', 'false')}; } }); p[str(${e})] = 1; "a" in p; Object.keys(p); JSON.stringify(p); return [log, { ...p }]; });`,
  code`attempt("§", () => { const s = Symbol(${text}); const o = { [s]: 1, get [Symbol.toStringTag]() { return str(${e}); } }; return [String(o), s.description, Symbol.for("k") === Symbol.for("k"), Object.getOwnPropertySymbols(o).length, Object.getOwnPropertyDescriptors(o)]; });`,
  code`attempt("§", () => { const o = { a: ${e}, d: new Date(${small}), m: new Map([[1, { x: ${e} }]]), s: new Set(["a"]), b: new Uint8Array([1, 2]), r: /a/g, e: new RangeError("r") }; o.self = o; return structuredClone(o); });`,
  code`attempt("§", () => { const { a = ${e}, ...rest } = { b: ${e}, c: 1, 3: 4 }; const [x, , y = 2, ...z] = str(${e}); return [a, rest, x, y, z, a?.b?.[c]?.(), (() => rest.c ??= 5)()]; });`,
  code`attempt("§", () => [eval(${pick('"1+1"', '"var ev§ = 3; ev§ * 2"', '"(() => { throw new Error(5) })()"', '"({ a: 1 })"')}), new Function("a", "b", "return a + b")(${e}, ${e})]);`,
  code`attempt("§", () => { const fs = []; for (let i = 0; i < ${count}; i++) fs.push(() => i++ * ${small}); return [fs.map((f) => f() + f()), Object.groupBy?.([1, 2, 3], (x) => (x % 2 ? "odd" : "even")), [3, 1, 2].toSorted(), [1, 2, 3].with(1, ${e}), Array.from({ length: 3 }, String)]; });`,
  // Depth, length, garbage.
  code`attempt("§", () => { let depth = 0; const f = (a) => { depth++; ${pick('return f(a) + 1', 'return [f(a)]', 'f(...[a])', 'return a.map(f)', 'try { f(a); } finally { depth += 0; }')}; }; try { f([1]); } catch (x) { return [x instanceof RangeError, x.message, depth]; } });`,
  code`attempt("§", () => { let a = []; for (let i = 0; i < ${count} * 30; i++) a = [a]; return [JSON.stringify(a).length, a.toString().length, String(a.flat(Infinity))]; });`,
  code`{ let n = num(${v}) | 1; for (let i = 0; i < ${count} * 700; i++) n = (n * 1103515245 + 12345 + (i & n)) | 0; out("§", n, Date.now()); }`,
  code`{ let n = 0; const until = Date.now() + ${pick('1', '2', '15')}; while (Date.now() < until && n < 5000) n++; out("§", n); }`,
  code`attempt("§", () => { const w = []; const r = (globalThis.registry§ = new FinalizationRegistry((h) => out("§gc", h))); for (let i = 0; i < ${count} * 4; i++) { const o = { i }; if (i % 2) o.self = o; r.register(o, i); w.push(new WeakRef(o)); } put(w); return w.map((x) => x.deref()?.i); });`,
  code`attempt("§", () => { for (let i = 0; i < ${count} * 40; i++) { const ring = { pad: new Array(20).fill(i) }; ring.ring = { ring }; } const alive = (get(${small}) ?? []); return Array.isArray(alive) ? alive.map((x) => x?.deref?.() === undefined) : 0; });`,
  code`attempt("§", () => { const w = new WeakMap(); const k = {}; w.set(k, ${e}); const s = new WeakSet([k]); return [w.get(k), w.has({}), s.has(k), w.delete(k), w.has(k)]; });`,
  // Modules.
  code`attempt("§", () => [require("path").${pick('resolve', 'join', 'normalize')}(str(${e}), "../x"), require("util").types.isProxy(${e}), require("os").EOL, __filename, typeof module.exports]);`,
  code`attempt("§", () => require("assert").${pick('deepStrictEqual', 'strictEqual', 'notEqual')}(${e}, ${e}));`,
  code`attempt("§", () => { const q = []; const t = new EventTarget(); t.addEventListener("a", (v) => q.push(v.type, v.timeStamp > 0), { once: ${pick('true', 'false')} }); t.dispatchEvent(new Event("a")); t.dispatchEvent(new Event("a", { cancelable: true })); return q; });`,
];

/** Statements with others inside, which run now or later. */
export function nested(body: Code): readonly Code[] {
  return [
    code`{ const t = setTimeout((x) => { out("§", x); ${body} }, ${ms}, ${v}); if (${v}) clearTimeout(t); else t.${pick('ref', 'unref', 'hasRef', 'refresh')}(); }`,
    code`setTimeout(() => { ${body} }, ${ms});`,
    code`{ let n = 0; const t = setInterval(() => { out("§", n); if (++n >= ${count}) clearInterval(t); ${body} }, ${ms}); }`,
    code`{ const t = setImmediate(() => { out("§"); ${body} }); if (${v}) clearImmediate(t); }`,
    code`setImmediate(() => { ${body} });`,
    code`process.nextTick((x) => { out("§", x); ${body} }, ${v});`,
    code`queueMicrotask(() => { ${body} });`,
    code`Promise.resolve(${v}).then((x) => { out("§a", x); ${body} }).catch((x) => out("§b", x)).finally(() => out("§c"));`,
    code`new Promise((yes, no) => { ${pick('yes', 'no', 'setTimeout', 'process.nextTick')}(${pick('yes', 'no', '1')}); ${body} }).then((x) => out("§y", x), (x) => out("§n", x));`,
    code`Promise.${pick('all', 'allSettled', 'race', 'any')}([${v}, Promise.reject(${v}), new Promise((yes) => setTimeout(yes, ${ms}, ${v})), { then(f) { f(1); } }]).then((x) => { out("§", x); ${body} }, (x) => out("§n", x));`,
    code`(async () => { ${body} const x = await ${v}; out("§", x); await null; ${body} for await (const y of [${v}, Promise.resolve(2)]) out("§f", y); return 1; })().catch((x) => out("§e", x)).then((x) => out("§d", x));`,
    code`attempt("§", () => { function* g() { try { const x = yield ${e}; out("§x", x); ${body} yield* [1, ${e}]; } finally { out("§z"); } return 3; } const i = g(); return [i.next(), i.next(${e}), i.${pick('return', 'throw', 'next')}(${e}), [...i], ...g()]; });`,
    code`(async () => { async function* g() { for (let i = 0; i < 3; i++) { await i; yield i; ${body} } } for await (const x of g()) { out("§", x); if (x > ${small}) break; } })().catch((x) => out("§e", x));`,
    code`{ const em = new EventEmitter(); em.on("a", (x) => { out("§1", x); ${body} }).once("a", () => out("§2")).prependListener("a", () => out("§3")); attempt("§", () => [em.emit("a", ${e}), em.emit("a"), em.emit("${pick('error', 'b')}", ${e}), em.listenerCount("a")]); }`,
    code`{ const ac = ${pick('new AbortController()', '{ signal: AbortSignal.timeout(5), abort() {} }')}; ac.signal.addEventListener("abort", () => { out("§", ac.signal.reason?.name); ${body} }); setTimeout(() => ac.abort(${v}), ${ms}); }`,
    code`require("timers/promises").setTimeout(${ms}, ${v}).then((x) => { out("§", x); ${body} });`,
    code`{ const { Readable, Transform, pipeline } = require("stream"); let n = 0; pipeline(Readable.from(["a", str(${v}), "c"]), new Transform({ transform(c, _, f) { f(null, str(c) + n++); } }), async function* (s) { for await (const c of s) { out("§", c); yield c; } }, (x) => { out("§p", x?.message); ${body} }); }`,
    code`if (${v}) { ${body} } else { ${body} }`,
    code`for (let i = 0; i < ${small} % 4; i++) { if (!spend()) break; ${body} }`,
    code`attempt("§", () => { ${body} });`,
  ];
}

/** Statements that listen to the world, and so keep a program alive. */
export function worldly(body: Code): readonly Code[] {
  return [
    code`{ const s = net.createServer((c) => { out("§c", c.remotePort); c.on("data", (d) => { out("§d", d.length, d.toString("latin1").slice(0, 30)); if (spend()) c.write(d.subarray(0, ${count})); ${body} }).on("end", () => { out("§e"); ${pick('c.end("bye")', 'c.destroy()', '')}; }).on("close", (h) => out("§z", h)).on("error", (x) => out("§x", x.code)); c.write("hi"); c.setNoDelay(); }); s.on("error", (x) => out("§E", x.code)); s.listen(${pick('0', '8080', '{ port: 0, host: "127.0.0.1" }')}, () => { out("§l", s.address()?.port); ${body} }); setTimeout(() => s.close(() => out("§s")), ${ms}); }`,
    code`{ const c = net.connect(${pick('80', '{ port: 81, host: "a.test" }')}, () => { out("§c", c.remoteAddress); c.write(str(${v}).repeat(${count})); ${body} }); c.setTimeout(${count} * 10, () => { out("§t"); c.${pick('end()', 'destroy()', 'resetAndDestroy?.()')}; }); c.on("data", (d) => out("§d", d.length, d[0])).on("error", (x) => out("§x", x.code, x.syscall)).on("close", (h) => { out("§z", h); ${body} }); }`,
    code`process.stdin.on("data", (d) => { out("§", d.length, d.toString("latin1").slice(0, 20)); if (${v}) process.stdin.pause(); ${body} }).on("end", () => { out("§e"); });`,
    code`process.on("${pick('SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP')}", (s, n) => { out("§", s, n); ${body} });`,
    code`process.${pick('on', 'once')}("${pick('exit', 'beforeExit')}", (c) => { out("§", c); if (spend(50)) { ${body} } });`,
  ];
}

/** What may end a program early; rare. */
export const endings: readonly Code[] = [
  code`setTimeout(() => { throw new Error("uncaught " + str(${v})); }, ${ms});`,
  code`Promise.reject(${v});`,
  code`setTimeout(() => process.exit(${count}), ${ms});`,
  code`process.on("uncaughtException", (x, o) => out("§u", o, x)); process.nextTick(() => { throw ${slot}; });`,
  code`process.on("unhandledRejection", (x) => out("§u", x)); Promise.reject(new TypeError(${text})); { const late = Promise.reject(1); setTimeout(() => late.catch(() => out("§l")), 1); }`,
  code`{ const hoard = []; attempt("§", () => { for (;;) hoard.push(${pick('new Array(100000).fill(9)', 'new Array(100).fill(9)', 'new ArrayBuffer(9000)', '"x".repeat(5000) + hoard.length')}); }); }`,
];

const arbitraries = fc.letrec<{ s: string; body: string }>((tie) => ({
  body: fc
    .array(tie('s'), { maxLength: 3, depthIdentifier: 'statement' })
    .map((all) => all.join(' ')),
  s: fc.oneof(
    { maxDepth: 3, depthSize: 'small', depthIdentifier: 'statement', withCrossShrink: true },
    { weight: 6, arbitrary: fc.oneof(...plain) },
    { weight: 5, arbitrary: fc.oneof(...nested(tie('body'))) },
    { weight: 1, arbitrary: fc.oneof(...worldly(tie('body'))) },
  ),
}));
export const statement: Code = arbitraries.s;
/** One of those that make later turns. */
export const listener: Code = fc.oneof(...worldly(arbitraries.body));
