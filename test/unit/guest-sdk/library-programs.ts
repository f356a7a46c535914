/**
 * Programs that use the guest library and print what they find. They run twice, in Node and in the
 * machine, and must print the same: what Node's own modules say is what ours must say on the engine.
 */

export const programs: Readonly<Record<string, string>> = {
  buffer: `
    const { Buffer, transcode } = require('buffer');
    const show = (...values) => console.log(...values);
    for (const encoding of ['utf8', 'hex', 'base64', 'base64url', 'latin1', 'ascii', 'utf16le']) {
      const bytes = Buffer.from('héllo €\\u{1f600} deadbeef==', encoding);
      show(encoding, bytes, bytes.toString(encoding), Buffer.byteLength('aé€=', encoding));
    }
    show(Buffer.alloc(5, 'ab'), Buffer.concat([Buffer.from('a'), new Uint8Array([98])], 3));
    const b = Buffer.alloc(16);
    b.writeUInt32BE(0xdeadbeef, 0); b.writeDoubleLE(Math.PI, 4); b.writeInt16LE(-2, 12); b.writeUIntBE(0x1234, 14, 2);
    show(b, b.readUInt32BE(0), b.readDoubleLE(4), b.readInt16LE(12), b.readBigUInt64LE(0), b.readIntBE(0, 6), b.readFloatBE(2));
    show(b.indexOf(0xbe), b.indexOf('\\u0012\\u0034', 'latin1'), b.includes(Buffer.from([0xad, 0xbe])), b.lastIndexOf(0));
    show(b.slice(-4), b.subarray(1, 3).toString('hex'), b.equals(Buffer.from(b)), Buffer.compare(b, Buffer.alloc(16)));
    show(JSON.stringify(Buffer.from('hi')), Buffer.from([1, 2, 3, 4]).swap16(), [...Buffer.from('ab').entries()]);
    for (const act of [() => Buffer.alloc(-1), () => Buffer.from(5), () => b.readInt8(99), () => b.writeInt8(200), () => b.toString('nope'), () => b.fill('zz', 'hex')]) {
      try { show(act()); } catch (e) { show(e.name, e.code, e.message); }
    }
    show(transcode(Buffer.from('€é'), 'utf8', 'latin1'), atob('aGk='), btoa('hi'), Buffer.isBuffer(Buffer.from('').map((x) => x)));
    show(new Uint8Array(3), { b: Buffer.from('x'), nested: [Buffer.alloc(0)] });
  `,
  classes: `
    const { inspect } = require('util');
    const own = [class Own {}, class extends Map {}, function old() {}, () => 1];
    for (const one of [Headers, EventTarget, Event, AbortController, Blob, TextEncoder, Map, Promise, Int8Array, parseInt, ...own]) {
      console.log(inspect(one).split(' {')[0], String(one).slice(0, 5).trim());
    }
    console.log(String(own[2]).replace(/\\s/g, ''), Object.keys(Function.prototype));
  `,
  events: `
    const EventEmitter = require('events');
    const util = require('util');
    function Old() { EventEmitter.call(this); }
    util.inherits(Old, EventEmitter);
    class New extends EventEmitter { constructor() { super({ captureRejections: true }); } }
    const old = new Old();
    old.once('x', (...args) => console.log('once', args));
    old.on('x', function (...args) { console.log('on', args, this === old); });
    console.log(old.emit('x', 1, 2), old.emit('x'), old.emit('none'), old.eventNames(), old.listenerCount('x'));
    try { old.emit('error', { code: 5 }); } catch (e) { console.log(e.code, e.message, e.context); }
    const fresh = new New();
    const captor = new New();
    captor.on('error', (e) => console.log('captured', e.message));
    captor.on('go', async () => { throw new Error('async'); });
    captor.emit('go');
    (async () => {
      setTimeout(() => { fresh.emit('tick', 1); fresh.emit('tick', 2); fresh.emit('stop'); }, 1);
      for await (const [n] of EventEmitter.on(fresh, 'tick', { close: ['stop'] })) console.log('tick', n);
      const ac = new AbortController();
      const waiting = EventEmitter.once(fresh, 'never', { signal: ac.signal });
      ac.abort();
      await waiting.catch((e) => console.log(e.name, e.code, e.cause.name));
      const target = new EventTarget();
      target.addEventListener('a', (e) => console.log(e.type, e.target === target, e instanceof Event), { once: true });
      console.log(target.dispatchEvent(new Event('a')), target.dispatchEvent(new Event('a')));
      console.log(AbortSignal.abort('why').reason, AbortSignal.any([AbortSignal.abort('x')]).aborted);
      const t = AbortSignal.timeout(2);
      setTimeout(() => console.log(t.aborted, t.reason.name), 10);
      let fired = 0;
      const source = new AbortController();
      AbortSignal.any([source.signal]).addEventListener('abort', () => fired++);
      source.abort();
      console.log('followers', fired);
    })();
  `,
  util: `
    const util = require('util');
    class Foo { constructor() { this.a = 1; } get b() { return 2; } }
    const circular = { name: 'c' }; circular.self = circular;
    console.log(new Foo(), circular, [1, , 3], new Map([['k', { v: [1] }]]), new Set(['s']), [undefined, null], -0, 10n, Symbol('s'));
    console.log({ [Symbol('key')]: 1, f() {}, g: class Bar {}, h: async () => {}, d: new Date(0), r: /x/g, e: [[[[]]]] });
    console.log(Object.create(null), new (class extends Map {})(), function named() {}, class A extends Foo {}, new Uint8Array(2), Object(1), Object('s'));
    console.log('%s %d %i %f %j %o %O %%', 'a', 1.5, 2.9, '3.5', { a: 1 }, [1], { b: { c: {} } }, 'rest', { x: 1 });
    console.log(util.inspect('it\\'s'), util.inspect({ a: { b: { c: { d: 1 } } } }, { depth: 0 }), util.inspect([..."abcdefghijklmnopqrstuvwxyz"]));
    console.log(util.inspect({ a: 'x'.repeat(80), b: 2 }, { colors: true }), util.inspect(new Array(200).fill(7)).length);
    for (const name of ['isDate', 'isRegExp', 'isMap', 'isSet', 'isPromise', 'isTypedArray', 'isAsyncFunction', 'isGeneratorFunction', 'isNativeError', 'isArgumentsObject', 'isBoxedPrimitive', 'isWeakMap', 'isArrayBuffer', 'isGeneratorObject', 'isSetIterator', 'isSymbolObject', 'isUint8Array']) {
      const values = [new Date(), /x/, new Map(), new Set(), Promise.resolve(), new Uint8Array(), async () => {}, function* () {}, new TypeError(), (function () { return arguments; })(), Object(1), new WeakMap(), new ArrayBuffer(1), (function* () {})(), new Set().values(), Object(Symbol()), {}, null, 1];
      console.log(name, values.map((v) => Number(util.types[name](v))).join(''));
    }
    util.promisify(setTimeout)(1, 'v').then((v) => console.log('promisified', v));
    util.callbackify(async () => { throw null; })((e) => console.log(e.code, e.reason));
    console.log(util.isDeepStrictEqual({ a: [1, new Set([{ b: 1 }])] }, { a: [1, new Set([{ b: 1 }])] }), util.isDeepStrictEqual([1], ['1']));
    console.log(util.getSystemErrorName(-2), util.stripVTControlCharacters('\\u001b[1mx\\u001b[22m'), util.toUSVString('\\ud800'), util.format('%s', Symbol('q')));
    console.log(new util.TextDecoder('utf-8').decode(new Uint8Array([0xe2, 0x82, 0xac])), new TextEncoder().encode('€'), structuredClone({ d: new Date(1), m: new Map([[1, { a: 1 }]]) }));
    try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])); } catch (e) { console.log(e.name, e.code, e.message); }
    try { structuredClone(Symbol('s')); } catch (e) { console.log(e.name, e.code, e.message); }
  `,
  errors: `
    const util = require('util');
    const firstLine = (text) => text.split('\\n')[0];
    const caught = (act) => { try { act(); } catch (e) { return e; } };
    const engine = caught(() => null.x);
    console.log(engine instanceof TypeError, firstLine(util.inspect(engine)).startsWith('TypeError: '), /\\n    at /.test(util.inspect(engine)));
    console.log(firstLine(util.inspect(new RangeError('mine'))), firstLine(util.inspect(caught(() => Buffer.alloc(-1)))));
    console.log(firstLine(util.inspect(new DOMException('m', 'AbortError'))), String(caught(() => Buffer.alloc(-1))));
    console.log(util.inspect(caught(() => Buffer.from(5))).includes("code: 'ERR_INVALID_ARG_TYPE'"));
    console.log(firstLine(util.inspect(caught(() => require('assert').strictEqual(1, 2)))));
    console.log(util.inspect(new Error('outer', { cause: new Error('inner') })).includes('[cause]: Error: inner'));
    console.log(firstLine(util.inspect(engine, { colors: true })).slice(0, 10), util.inspect({ e: new Error('x') }, { colors: true }).includes('e: Error: x'));
    class Custom extends Error { constructor(m) { super(m); this.name = 'Custom'; this.extra = 1; } }
    console.log(firstLine(util.inspect(new Custom('c'))), util.inspect(new Custom('c')).includes('extra: 1'), [new Error('in list')].length);
    console.log(Object.keys(caught(() => Buffer.alloc(-1))), firstLine(caught(() => Buffer.alloc(-1)).stack));
  `,
  stream: `
    const stream = require('stream');
    const { pipeline, finished } = require('stream/promises');
    const { Readable, Writable, Transform, PassThrough, Duplex } = stream;
    const upper = () => new Transform({ transform(chunk, _e, done) { done(null, String(chunk).toUpperCase()); } });
    (async () => {
      const parts = [];
      await pipeline(Readable.from(['a', 'b', 'c']), upper(), new Writable({ write(chunk, e, done) { parts.push([String(chunk), e]); done(); } }));
      console.log(parts);
      const failing = pipeline(Readable.from(['x']), new Transform({ transform(c, e, done) { done(new Error('bad')); } }), new PassThrough());
      await failing.catch((e) => console.log('failed', e.message));
      console.log(await Readable.from([1, 2, 3, 4]).filter((n) => n % 2).map(async (n) => n * 10).toArray());
      const r = new Readable({ read() {} });
      r.setEncoding('utf8'); r.push(Buffer.from([0xe2, 0x82])); r.push(Buffer.from([0xac])); r.push(null);
      for await (const chunk of r) console.log('decoded', chunk);
      const w = new Writable({ highWaterMark: 3, write(c, e, done) { setImmediate(done); } });
      console.log(w.write('ab'), w.write('cd'), w.writableLength, w.writableHighWaterMark, w.writableNeedDrain);
      w.on('drain', () => console.log('drain'));
      w.end(); await finished(w); console.log(w.writableFinished, w.destroyed);
      w.on('error', (e) => console.log(e.name, e.code, e.message, Object.keys(e)));
      w.write('late', (e) => console.log('callback', e.code));
      const d = new Duplex({ read() { this.push('r'); this.push(null); }, write(c, e, done) { console.log('wrote', String(c)); done(); } });
      d.end('w'); for await (const c of d) console.log('read', String(c));
      const ac = new AbortController();
      const hung = stream.addAbortSignal(ac.signal, new Readable({ read() {} }));
      hung.on('error', (e) => console.log(e.name, e.code)); ac.abort();
      try { new Writable().write(null); } catch (e) { console.log(e.code, e.message); }
      new Readable().on('error', (e) => console.log(e.code, e.message)).push(5);
      new Writable({ write(c, e, done) { console.log(c); done(); } }).write(new Uint16Array([1]));
      const bare = new Readable(); bare.on('error', (e) => console.log(e.code, e.message)); bare.read();
      console.log(stream === stream.Stream, stream.Readable === Readable, stream.getDefaultHighWaterMark(false), new Readable() instanceof require('events'));
      const [left, right] = stream.duplexPair(); left.end('through'); for await (const c of right) console.log(String(c));
      function OldStyle() { Transform.call(this); } require('util').inherits(OldStyle, Transform);
      OldStyle.prototype._transform = function (c, e, done) { done(null, c); };
      const old = new OldStyle(); old.end('old'); for await (const c of old) console.log(String(c));
    })();
  `,
  assert: `
    const assert = require('assert');
    const acts = [
      () => assert.strictEqual(1, 2), () => assert.deepStrictEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }), () => assert.equal('a', 'b'),
      () => assert.throws(() => {}), () => assert.throws(() => { throw new Error('foo'); }, /bar/), () => assert.notStrictEqual(1, 1),
      () => assert.deepEqual(new Map([[1, 2]]), new Map([[1, 3]])), () => assert.match('a', /b/), () => assert.fail('x'), () => assert.ifError(new Error('y')),
      () => assert.ok(1), () => assert.throws(() => null.x, TypeError), () => assert.rejects(Promise.reject(new Error('z')), /z/),
    ];
    // A difference ends with a line feed since Node 22.
    for (const act of acts) { try { act(); console.log('passed'); } catch (e) { console.log(e.name, e.code, e.message.trimEnd(), e.operator); } }
  `,
  'assert-source': `
    const assert = require('assert');
    const x = { y: [1] };
    try { assert(x.y[1]); } catch (e) { console.log(e.message, e.generatedMessage); }
    try { assert.ok(x.y.length > 1 && "a) string"); } catch (e) { console.log(e.message, e.generatedMessage); }
    try { assert.strict(typeof x === 'number'); } catch (e) { console.log(e.message, e.generatedMessage); }
    try { assert.ok(null, undefined); } catch (e) { console.log(e.message, e.generatedMessage); }
  `,
  path: `
    const path = require('path');
    console.log(path.join('/a', '..', 'b', './c.d'), path.resolve('/x', 'y', '../z'), path.relative('/a/b/c', '/a/d'), path.parse('/home/u/file.tar.gz'), path.win32.join('C:\\\\a', '..', 'b'), path.basename('/a/b.html', '.html'), path.extname('.rc'), path.format({ dir: '/d', name: 'n', ext: 'e' }), path.posix === path);
  `,
  string_decoder: `
    const { StringDecoder } = require('string_decoder');
    for (const encoding of ['utf8', 'utf16le', 'base64', 'hex']) {
      const decoder = new StringDecoder(encoding);
      console.log(encoding, [...Buffer.from('a€😀z')].map((byte) => decoder.write(Buffer.from([byte]))), JSON.stringify(decoder.end()));
    }
  `,
  crypto: `
    const crypto = require('crypto');
    console.log(crypto.randomBytes(8).length, crypto.randomUUID().length, crypto.randomInt(5, 6), crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a')));
    console.log(globalThis.crypto.getRandomValues(new Uint8Array(4)).length, typeof crypto.webcrypto.randomUUID());
    crypto.randomBytes(4, (error, bytes) => step(console.log(error, bytes.length)));
    const text = 'naïve café '.repeat(30);
    for (const name of ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha512-256', 'sha3-256', 'shake128', 'ripemd160', 'blake2b512', 'blake2s256']) {
      console.log(name, crypto.createHash(name).update(text).update(Buffer.from(text)).digest('hex'), name.startsWith('shake') || crypto.createHmac(name, text).update('a').digest('base64'));
    }
    const hash = crypto.createHash('sha1').update('a');
    console.log(hash.copy().update('b').digest('hex'), hash.digest('base64url'), hash, crypto.createSecretKey('ab', 'utf8').export());
    for (const act of [() => hash.update('b'), () => crypto.createHash('nope'), () => crypto.createHmac('nope', 'k'), () => crypto.createHash('sha1', { outputLength: 3 })]) {
      try { act(); } catch (e) { console.log(e.name, e.code, e.message, Object.keys(e)); }
    }
    const piped = crypto.createHash('sha256');
    piped.on('readable', () => { const digest = piped.read(); if (digest) console.log('piped', digest); });
    piped.write('ab'); piped.end('c');
    require('stream').Readable.from(['x', 'y']).pipe(crypto.createHmac('sha1', 'k').setEncoding('hex')).on('data', (d) => console.log('hmac', d));
    console.log(crypto.pbkdf2Sync('p', 's', 5, 30, 'sha512'), crypto.scryptSync('p', 's', 20, { N: 16, r: 2 }), Buffer.from(crypto.hkdfSync('sha256', 'k', 's', 'i', 20)));
    // One after the other: Node's threads are done with them in any order.
    const steps = [
      (next) => crypto.pbkdf2('p', 's', 1, 10, 'sha1', (...args) => next(console.log('pbkdf2', args))),
      (next) => crypto.scrypt('p', 's', 10, { N: 2, r: 1 }, (...args) => next(console.log('scrypt', args))),
      (next) => crypto.hkdf('sha1', 'p', 's', 'i', 10, (error, bits) => next(console.log('hkdf', error, Buffer.from(bits)))),
      (next) => crypto.generateKey('aes', { length: 128 }, (error, key) => next(console.log('key', error, key.symmetricKeySize))),
      () => web(),
    ];
    const step = () => steps.shift()?.(step);
    process.nextTick(() => console.log('tick'));
    Promise.resolve().then(() => console.log('job'));
    const [key, iv] = [Buffer.alloc(32, 7), Buffer.alloc(16, 9)];
    for (const name of ['aes-256-cbc', 'aes-256-ctr', 'aes-256-ecb', 'aes-256-gcm', 'chacha20-poly1305']) {
      const its = name.endsWith('ecb') ? null : name.endsWith('1305') ? iv.subarray(4) : iv;
      const cipher = crypto.createCipheriv(name, key, its);
      const sealed = cipher.update('é'.repeat(40), 'utf8', 'base64') + cipher.final('base64');
      console.log(name, sealed, its && cipher.getAuthTag ? (() => { try { return cipher.getAuthTag(); } catch (e) { return e.code; } })() : 0);
    }
    const { types } = require('util');
    const web = async () => {
      const { subtle } = globalThis.crypto;
      const key = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt', 'decrypt']);
      console.log(key, key instanceof CryptoKey, types.isCryptoKey(key), types.isKeyObject(key), types.isKeyObject(crypto.createSecretKey(iv)));
      const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, key, Buffer.from('hi'));
      console.log(Buffer.from(await subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed)).toString());
      const hmac = await subtle.importKey('raw', iv, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
      console.log(Buffer.from(await subtle.sign('HMAC', hmac, iv)), Buffer.from(await subtle.digest('SHA-512', iv)));
      await subtle.encrypt({ name: 'AES-CBC', iv }, key, iv).catch((e) => console.log(e.name, e.code, e.message, e instanceof DOMException));
      console.log(subtle, globalThis.crypto, subtle instanceof SubtleCrypto, globalThis.crypto instanceof Crypto);
    };
    const open = crypto.createDecipheriv('aes-256-cbc', key, iv);
    open.on('error', (e) => console.log(e.code, e.message));
    open.end(Buffer.alloc(17));
  `,
  url: `
    const url = require('url');
    const querystring = require('querystring');
    const punycode = require('punycode');
    const util = require('util');
    const { Blob, File, resolveObjectURL } = require('buffer');
    console.log(new URL('http://user:p%20w@EXAMPLE.com:8080/a/../b?x=1&y=é#h'), new URL('/é?q#', 'https://h:443'), new URL('file:///a%20b'));
    console.log(new URL('http://ü.de/ü?ü#ü').href, new URL('redis://u:p@[::1]:6379/0').host, new URL('mailto:a@b').pathname, new URL('http://0x7f.1/').hostname);
    class Own extends URL {}
    console.log(util.inspect(new Own('ws://a')).slice(0, 5), { url: [new URL('http://a/')] }, util.inspect(new URL('https://u:p@h.n:8080/p/?q#h'), { showHidden: true }));
    const u = new URL('http://a/b?c=d#e');
    u.searchParams.append('k', 'v w'); u.hash = 'ü'; u.pathname = 'x/../y z'; u.port = '81'; u.host = 'xn--mgba3gch31f060k.com'; u.protocol = 'https'; u.username = 'é'; u.search = u.search + '&z=1';
    console.log(u.href, u.searchParams, String(u), JSON.stringify({ u }), u.origin, URL.canParse('x'), URL.parse('x'), Object.keys(URL.prototype), Object.keys(URL));
    const params = new URLSearchParams([['b', '2'], ['a', '1'], ['b', '\ud800 ~*']]);
    console.log(params, params.keys(), [...params.entries()], params.size, params.get('b'), params.has('b', '2'), params.toString(), Object.keys(URLSearchParams.prototype));
    params.sort(); params.delete('b', '2'); params.forEach((value, name, all) => console.log(name, value, all === params));
    const acts = [() => new URL('x', 'y'), () => new URL(), () => new URLSearchParams([[1]]), () => params.append('x'), () => url.parse(5), () => url.parse('http://a\u2100b/'), () => url.fileURLToPath('http://a'),
      () => url.format(5), () => querystring.escape('\ud800'), () => new Blob('x'), () => new File([]), () => URL.createObjectURL({}), () => URL.prototype.href, () => Reflect.get(URL.prototype, 'hash', {}), () => { u.href = 'x'; }];
    for (const act of acts) { try { console.log(act()); } catch (e) { console.log(String(e), e.code, e.input, e.base, Object.keys(e)); } }
    console.log(url.parse('HTTP://u%40:p@Host:80/p a?q=1&q=2#h', true), url.parse('//a/b', false, true).host, url.parse('/a?b').query, new url.Url());
    console.log(url.resolve('/one/two/three', 'four'), url.resolve('http://a.com/b/c/d?q', '../x?y#z'), url.resolve('mailto:a@b', 'c@d'), url.format({ protocol: 'http', host: 'h', pathname: 'x#', query: { a: [1, 2] } }));
    console.log(url.format(new URL('http://u:p@xn--lck1c3crb1723bpq4a.com/a?b#c'), { unicode: true, auth: false, fragment: false }), url.domainToASCII('español.com'), url.domainToUnicode('xn--espaol-zwa.com'));
    console.log(url.pathToFileURL('/a b#?%é').href, url.fileURLToPath('file:///a%20b'), url.urlToHttpOptions(new URL('http://a:b@[::1]:8/x?y#z')), url.pathToFileURL('x/').href === 'file://' + process.cwd() + '/x/');
    console.log(querystring.parse('a=1&b=%C3%A9+x&a=2&&c&=d&%zz=%'), querystring.stringify({ a: [1, 'é'], b: true, c: {}, d: 1e21, e: 5n }, ';', ':'), querystring.unescapeBuffer('%41%zz').toString());
    console.log(punycode.toASCII('mañana.com'), punycode.toUnicode('xn--maana-pta.com'), punycode.decode('maana-pta'), punycode.ucs2.decode('\u{1f600}a'), punycode.version);
    const blob = new Blob(['é', new Uint8Array([65, 66]), new Blob(['c'])], { type: 'A/b' });
    const file = new File([blob], 'n.txt', { lastModified: 5, type: 't/p' });
    console.log(blob, file, blob.slice(-3, -1, 'X/y'), [[[blob]]], Object.prototype.toString.call(file), file instanceof Blob, structuredClone(blob));
    const address = URL.createObjectURL(file);
    console.log(address.length, address.slice(0, 14), resolveObjectURL(address), URL.revokeObjectURL(address), resolveObjectURL(address));
    const headers = new Headers([['B', ' x '], ['a', '1'], ['A', '2'], ['Set-Cookie', 'c=1'], ['cookie', 'k'], ['Cookie', 'l']]);
    headers.append('set-cookie', 'd=2'); headers.set('b', 'y');
    console.log(headers, [...headers], headers.getSetCookie(), headers.get('COOKIE'), headers.has('zz'), headers.keys(), Object.keys(Headers.prototype), { deep: { er: { still: headers } } });
    headers.delete('set-cookie'); headers.forEach(function (value, name, all) { if (name === 'a') all.append('aa', '3'); console.log(name, value, this.is); }, { is: 'this' });
    const form = new FormData();
    form.append('a', 1); form.append('a', blob, 'as.txt'); form.append('f', file); form.set('g', null); form.append('g', '2'); form.set('g', '3'); form.append('\ud800', 'x');
    console.log(form.getAll('a').length, form.get('a'), form.get('f') === file, [...form.keys()], form.get('zz'), form.has('g'), form.entries(), Object.keys(FormData.prototype), form.getAll('a')[1].name);
    form.delete('a'); console.log(form);
    const refusals = [() => new Headers(null), () => new Headers([['a']]), () => new Headers(['ab']), () => new Headers({ 'a b': 1 }), () => new Headers({ a: '€' }), () => headers.append('a'), () => headers.get(), () => headers.set('a', '\0'), () => headers.has('ü'),
      () => headers.forEach(5), () => Headers.prototype.get.call({}, 'a'), () => headers.keys().next.call({}), () => new FormData(5), () => form.append('a'), () => form.set('a', 'b', 'c'), () => FormData.prototype.get.call(headers, 'a')];
    for (const act of refusals) { try { console.log(act()); } catch (e) { console.log(e.name, e.code, e.message); } }
    (async () => console.log(await blob.text(), new Uint8Array(await blob.arrayBuffer()), await file.slice(1, 4).text()))();
  `,
};
