/** fetch, Request, Response and messages: what is the same with real sockets and without. */

const http = require('node:http');
const zlib = require('node:zlib');
const { receiveMessageOnPort } = require('node:worker_threads');

const HASH_OF_X = 'LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=';

async function attempt(name, act) {
  try {
    console.log(name, '=>', await act());
  } catch (error) {
    const { cause } = error;
    const why = cause && [cause.name, cause.code, cause.message];
    console.log(name, '!', error.name, error.code, error.message, why);
  }
}

const lockedResponse = () => {
  const response = new Response('x');
  response.body.getReader();
  return response;
};
const url = 'http://a.example/b?x#f';
const form = () => {
  const made = new FormData();
  made.append('a', 'b\n"c');
  made.append('f', new File(['hello'], 'x"y.txt', { type: 'text/plain', lastModified: 5 }));
  return made;
};
const typeOf = (body) => new Response(body).headers.get('content-type');
const read = async (given) => (await given).text();
async function* chunks(...list) {
  for (const one of list) {
    if (one instanceof Error) throw one;
    yield one;
  }
}

const classes = {
  'a bodyless response': () => new Response(),
  'a request': () => new Request(url, { method: 'post', body: 'x', headers: { 'X-A': '1' } }),
  'no URL': () => new Request(),
  'a bad URL': () => new Request('/x'),
  credentials: () => new Request('http://a:b@c/'),
  'GET with a body': () => new Request(url, { body: 'x' }),
  'no method': () => new Request(url, { method: 'a b' }),
  TRACE: () => new Request(url, { method: 'TRACE' }),
  delete: () => new Request(url, { method: 'delete' }).method,
  mode: () => new Request(url, { mode: 'xx' }),
  navigate: () => new Request(url, { mode: 'navigate' }),
  redirect: () => new Request(url, { redirect: 'xx' }),
  cache: () => new Request(url, { cache: 'only-if-cached' }),
  signal: () => new Request(url, { signal: 1 }),
  'no dictionary': () => new Request(url, 1),
  'no duplex': () => new Request(url, { method: 'POST', duplex: 'full' }),
  status: () => new Response('', { status: 99 }),
  'status of no body': () => new Response('x', { status: 204 }),
  'status text': () => new Response('', { statusText: '\n' }),
  'redirect nowhere': () => Response.redirect('/x'),
  'redirect with 200': () => Response.redirect('http://a', 200),
  'redirect away': () => Response.redirect('http://a').headers.get('location'),
  json: () => read(Response.json({ a: 1 })),
  'no json': () => Response.json(undefined),
  error: () => Response.error(),
  'closed headers': () => Response.error().headers.append('a', 'b'),
  this: () => Response.prototype.clone.call({}),
  lengths: () => [Request.length, Response.length, fetch.length, fetch.name, Response.json.length],
  members: () => [Object.keys(Response.prototype), Object.keys(Request.prototype).slice(0, 24)],
  types: () =>
    [new URLSearchParams('a=1'), new Blob(['a'], { type: 'x/y' }), 'a', 5, {}].map(typeOf),
  untyped: () => [new Blob(['a']), Buffer.from('a'), new ArrayBuffer(1), null].map(typeOf),
  copy: async () => {
    const first = new Request(url, { method: 'POST', body: 'x', headers: { a: '1' } });
    const next = new Request(first, { headers: { b: '2' } });
    return [first.bodyUsed, next.method, [...next.headers], await next.text()];
  },
  twice: async () => {
    const response = new Response('x');
    return [await response.text(), response.bodyUsed, await response.text()];
  },
  'clone too late': async () => {
    const response = new Response('x');
    return [await response.text(), response.clone()];
  },
  'a locked body': () => read(lockedResponse()),
  'clone of a locked body': () => lockedResponse().clone(),
  'a given stream': async () => {
    const stream = new Response('x').body;
    const response = new Response(stream);
    return [response.body === stream, response, await response.text(), response.bodyUsed];
  },
  'no duplex with a stream': () => new Request(url, { method: 'POST', body: new ReadableStream() }),
  'nothing twice': async () => {
    const response = new Response(null);
    return [await response.text(), response.bodyUsed, await response.text()];
  },
  'no form': () => new Response('x').formData(),
  'form of a query': async () => [
    ...(await new Response(new URLSearchParams('a=1&b=+2')).formData()),
  ],
  'form of parts': async () => {
    const parts = [...(await new Response(form()).formData())];
    return parts.map(([name, value]) => [name, value.name ?? value, value.type, value.size]);
  },
  'text of parts': async () => {
    const text = await new Response(form()).text();
    return text.replace(/\d{12}/g, 'N');
  },
  'broken parts': () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=a' };
    return new Response('x', { headers }).formData();
  },
  bytes: async () => [
    await new Response('x').bytes(),
    Buffer.from(await new Response('ab').arrayBuffer()),
  ],
  blob: () => new Response('x', { headers: { 'content-type': 'Text/Plain; charset=x' } }).blob(),
  'a mark': () => read(new Response(new Uint8Array([0xef, 0xbb, 0xbf, 65]))),
  iterated: () => read(new Response(chunks('a', Buffer.from('b'), new Uint8Array([99])))),
  scheme: () => fetch('foo://x'),
  about: () => fetch('about:blank'),
  file: () => fetch('file:///x'),
  port: () => fetch('http://127.0.0.1:9/'),
  data: async () => {
    const response = await fetch('data:text/plain;base64,aGk=');
    return [response.status, response.url, [...response.headers], await response.text()];
  },
  'bad data': () => fetch('data:xx'),
  'a blob of a URL': async () => {
    const response = await fetch(URL.createObjectURL(new Blob(['abc'], { type: 'a/b' })));
    return [response.status, [...response.headers], await response.text()];
  },
  aborted: () => fetch(url, { signal: AbortSignal.abort() }),
  'aborted for a reason': () => fetch(url, { signal: AbortSignal.abort(new Error('why')) }),
};

/** Without what the modules of a guest decide: whether there is something to decode with. */
function sent(pairs) {
  const shown = [];
  for (let at = 0; at < pairs.length; at += 2) {
    if (pairs[at] === 'accept-encoding') continue;
    shown.push(`${pairs[at]}: ${pairs[at] === 'host' ? 'HOST' : pairs[at + 1]}`);
  }
  return shown;
}

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    if (pathname === '/echo') {
      response.setHeader('X-A', '1');
      response.appendHeader('set-cookie', 'a=1');
      response.appendHeader('set-cookie', 'b=2');
      response.sendDate = false;
      const { method, url: path, rawHeaders } = request;
      response.end(JSON.stringify([method, path, sent(rawHeaders), body]));
    } else if (pathname === '/go') {
      const location = searchParams.get('to') ?? '/echo';
      response.writeHead(Number(searchParams.get('status')), { location });
      response.end('moved');
    } else if (pathname === '/nowhere') response.writeHead(302).end('x');
    else if (pathname === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (pathname === '/die') request.socket.destroy();
    else if (pathname === '/half') {
      response.writeHead(200, { 'content-length': 10 });
      response.write('abc');
      setTimeout(() => request.socket.destroy(), 30);
    } else if (pathname === '/204') response.writeHead(204).end();
    else if (pathname === '/teapot') response.writeHead(418, 'Tea Pot').end('x');
    else if (/zipped$/.test(pathname)) {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(pathname === '/zipped' ? zlib.gzipSync('zipped'.repeat(9)) : 'nope');
    } else if (pathname !== '/never') response.end('?');
  });
});

function exchanges(origin) {
  const echo = `${origin}/echo`;
  const post = async (body, more) =>
    (await fetch(`${echo}#f`, { method: 'POST', body, ...more })).json();
  const redirected = async (status, init) => {
    const response = await fetch(`${origin}/go?status=${status}#frag`, init);
    const [method, , headers, body] = await response.json();
    return [new URL(response.url).pathname, response.redirected, method, headers, body];
  };
  const go = (to, init) => fetch(`${origin}/go?status=302&to=${encodeURIComponent(to)}`, init);
  return {
    get: async () => {
      const response = await fetch(echo);
      const { status, statusText, ok, redirected: moved, type, headers } = response;
      return [
        status,
        statusText,
        ok,
        moved,
        type,
        headers,
        headers.getSetCookie(),
        await response.json(),
      ];
    },
    'own headers': async () => {
      const headers = {
        'X-B': '2',
        'User-Agent': 'me',
        Accept: 'a/b',
        connection: 'close',
        host: 'zz',
      };
      return (await fetch(echo, { headers })).json();
    },
    post: () => post('hello'),
    'post nothing': () => post(undefined),
    'post a form': async () => (await post(form()))[3].replace(/\d{12}/g, 'N'),
    'wrong length': () => post('abc', { headers: { 'content-length': '4' } }),
    chunked: () => post(chunks(Buffer.from('ab'), Buffer.from('cd')), { duplex: 'half' }),
    'chunked, no duplex': () => post(chunks(Buffer.from('ab'))),
    'body that fails': () => post(chunks(Buffer.from('a'), new Error('mine')), { duplex: 'half' }),
    ...Object.fromEntries(
      [301, 302, 303, 307, 308].map((status) => [
        status,
        () => redirected(status, { method: 'POST', body: 'hello', headers: { cookie: 'x' } }),
      ]),
    ),
    'put and 303': () => redirected(303, { method: 'PUT', body: 'hello' }),
    manual: async () => {
      const response = await go('/echo', { redirect: 'manual' });
      return [
        response.status,
        response.type,
        response.headers.get('location'),
        await response.text(),
      ];
    },
    'redirect refused': () => go('/echo', { redirect: 'error' }),
    'redirect without a place': async () => (await fetch(`${origin}/nowhere`)).status,
    'redirects without an end': () => fetch(`${origin}/loop`),
    'redirect to no URL': () => go('http://:'),
    'redirect to ftp': () => go('ftp://x/'),
    'redirect of a stream': () =>
      fetch(`${origin}/go?status=307`, {
        method: 'POST',
        duplex: 'half',
        body: chunks(Buffer.from('a')),
      }),
    'no answer': () => fetch(`${origin}/die`),
    'half an answer': () => read(fetch(`${origin}/half`)),
    204: async () => {
      const response = await fetch(`${origin}/204`);
      return [response.status, response.body, await response.text()];
    },
    head: async () => {
      const response = await fetch(echo, { method: 'HEAD' });
      return [response.status, response.body, await response.text()];
    },
    teapot: async () => {
      const response = await fetch(`${origin}/teapot`);
      return [response.status, response.statusText, response.ok, await response.text()];
    },
    timeout: () => fetch(`${origin}/never`, { signal: AbortSignal.timeout(20) }),
    'abort of a body': async () => {
      const aborter = new AbortController();
      const response = await fetch(`${origin}/half`, { signal: aborter.signal });
      const text = response.text();
      aborter.abort();
      return text;
    },
    'abort afterwards': async () => {
      const aborter = new AbortController();
      await read(fetch(echo, { signal: aborter.signal }));
      aborter.abort();
    },
    'closed headers': async () => (await fetch(`${origin}/204`)).headers.set('a', 'b'),
    clone: async () => {
      const response = await fetch(echo);
      const copy = response.clone();
      return [(await response.text()) === (await copy.text()), copy.url === response.url];
    },
    integrity: () => read(fetch(`${origin}/teapot`, { integrity: `sha256-${HASH_OF_X}` })),
    'wrong integrity': () =>
      fetch(`${origin}/teapot`, { integrity: `sha256-A${HASH_OF_X.slice(1)}` }),
    zipped: async () => {
      const response = await fetch(`${origin}/zipped`);
      return [response.headers.get('content-encoding'), await response.text()];
    },
    'not zipped': () => read(fetch(`${origin}/not-zipped`)),
    'read in chunks': async () => {
      const response = await fetch(`${origin}/zipped`);
      let text = '';
      for await (const chunk of response.body) text += Buffer.from(chunk);
      return [text, response.bodyUsed, response.body.locked];
    },
    'read and left': async () => {
      const response = await fetch(echo);
      const reader = response.body.getReader();
      const { value } = await reader.read();
      await reader.cancel();
      return [value.constructor.name, response.bodyUsed, await reader.read()];
    },
    'half a stream': async () => {
      for await (const chunk of (await fetch(`${origin}/half`)).body) console.log(chunk.length);
    },
    'post a stream': () => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array([65, 66]));
          controller.close();
        },
      });
      return post(body, { duplex: 'half' });
    },
    'clone of a stream': async () => {
      const response = await fetch(echo);
      const { body } = response;
      const copy = response.clone();
      return [(await response.text()) === (await copy.text()), body === response.body];
    },
    piped: async () => {
      const shouts = new TransformStream({
        transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => byte & 0xdf)),
      });
      return read(new Response(new Response('abc').body.pipeThrough(shouts)));
    },
    'a request': async () => {
      const request = new Request(echo, { method: 'POST', body: 'zz' });
      return [(await (await fetch(request)).json())[3], request.bodyUsed];
    },
  };
}

const withChannel = (act) => {
  const { port1, port2 } = new MessageChannel();
  try {
    return act(port1, port2);
  } finally {
    port1.close();
  }
};

const messages = {
  port: () => new MessagePort(),
  event: () => {
    const { data, origin, lastEventId, source, ports } = new MessageEvent('x', { data: 5 });
    return [data, origin, lastEventId, source, ports];
  },
  source: () => new MessageEvent('x', { source: 1 }),
  ports: () => new MessageEvent('x', { ports: [1] }),
  channel: () => new BroadcastChannel(),
  nothing: () => withChannel((port) => port.postMessage()),
  symbol: () => withChannel((port) => port.postMessage(Symbol('a'))),
  itself: () => withChannel((port) => port.postMessage(1, [port])),
  'not listed': () => withChannel((port) => withChannel((other) => port.postMessage(other))),
  'no list': () => withChannel((port) => port.postMessage(1, 5)),
  'no list in options': () => withChannel((port) => port.postMessage(1, { transfer: 5 })),
  'nothing to move': () => withChannel((port) => port.postMessage(1, [5])),
  closed: () => {
    const channel = new BroadcastChannel('x');
    channel.close();
    channel.postMessage(1);
  },
  received: () =>
    withChannel((port, other) => {
      port.postMessage({ a: 1 });
      port.postMessage(2);
      return [1, 2, 3].map(() => receiveMessageOnPort(other));
    }),
  delivered: () =>
    new Promise((done) => {
      const { port1, port2 } = new MessageChannel();
      const seen = [];
      port2.on('message', (value) => seen.push(['on', value]));
      port2.onmessage = (event) => {
        seen.push([event.data, event.constructor.name, event.target === port2, event.ports.length]);
        if (event.data === 'end') port1.close();
      };
      port2.on('close', () => done(seen));
      process.nextTick(() => seen.push('tick'));
      for (const value of ['a', [new Date(0)], 'end']) port1.postMessage(value);
    }),
  moved: () =>
    new Promise((done) => {
      const [first, second] = [new MessageChannel(), new MessageChannel()];
      first.port2.onmessage = ({ data, ports }) => {
        data.onmessage = (event) => {
          first.port1.close();
          second.port1.close();
          done([ports[0] === data, event.data]);
        };
      };
      second.port1.postMessage('early');
      first.port1.postMessage(second.port2, [second.port2]);
      second.port2.postMessage('to nobody');
    }),
  broadcast: () =>
    new Promise((done) => {
      const [one, two, other] = ['n', 'n', 'm'].map((name) => new BroadcastChannel(name));
      other.onmessage = () => done('wrong');
      two.onmessage = ({ data, target }) => {
        for (const channel of [one, two, other]) channel.close();
        done([data, target === two, one]);
      };
      one.postMessage({ q: 1 });
    }),
};

server.listen(0, '127.0.0.1', async () => {
  const groups = [classes, exchanges(`http://127.0.0.1:${server.address().port}`), messages];
  for (const group of groups) {
    for (const [name, act] of Object.entries(group)) await attempt(name, act);
  }
  server.close();
  server.closeAllConnections();
});
