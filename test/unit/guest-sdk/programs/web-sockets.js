/** WebSocket and EventSource against servers of this program's own, written on bytes. */

const http = require('node:http');

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const rotate = (word, by) => (word << by) | (word >>> (32 - by));
const ROUNDS = [
  [(b, c, d) => (b & c) | (~b & d), 0x5a827999],
  [(b, c, d) => b ^ c ^ d, 0x6ed9eba1],
  [(b, c, d) => (b & c) | (b & d) | (c & d), 0x8f1bbcdc],
  [(b, c, d) => b ^ c ^ d, 0xca62c1d6],
];

function sha1(text) {
  const length = ((text.length + 8) >> 6) * 64 + 64;
  const padded = Buffer.alloc(length);
  padded.write(text, 'latin1');
  padded[text.length] = 0x80;
  padded.writeUInt32BE(text.length * 8, length - 4);
  let hash = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let block = 0; block < length; block += 64) {
    const words = [];
    let [a, b, c, d, e] = hash;
    for (let i = 0; i < 80; i++) {
      const mixed = words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16];
      words[i] = i < 16 ? padded.readInt32BE(block + i * 4) : rotate(mixed, 1);
      const [choose, constant] = ROUNDS[Math.floor(i / 20)];
      const next = (rotate(a, 5) + choose(b, c, d) + e + constant + words[i]) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    }
    hash = [a, b, c, d, e].map((word, index) => (hash[index] + word) | 0);
  }
  const bytes = Buffer.alloc(20);
  for (const [index, word] of hash.entries()) bytes.writeInt32BE(word, index * 4);
  return bytes.toString('base64');
}

function frame(opcode, content, final = 0x80) {
  const bytes = Buffer.from(content);
  const { length } = bytes;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = final | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, bytes]);
}

/** What the server says to a message that asks for it; anything else comes back. */
const ANSWERS = {
  ping: [frame(9, 'pp')],
  fragments: [frame(1, 'he', 0), frame(9, 'mid'), frame(0, 'llo')],
  'bad text': [frame(1, [0xff])],
  masked: [Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65])],
  reserved: [Buffer.from([0xc1, 1, 65])],
  'long control': [Buffer.concat([Buffer.from([0x89, 126, 0, 200])])],
  'lost continuation': [frame(0, 'x')],
  close: [frame(8, Buffer.concat([Buffer.from([0x0f, 0xa1]), Buffer.from('bye')]))],
  'close without a code': [frame(8, '')],
  'close with a wrong code': [frame(8, [3, 237])],
};

function serve(socket, opcode, content, isMasked) {
  if (!isMasked) socket.destroy();
  const text = content.toString();
  if (opcode === 10) socket.write(frame(1, `pong ${text}`));
  else if (opcode === 8) {
    socket.write(frame(8, content.subarray(0, 2)));
    socket.end();
  } else if (text === 'drop') socket.destroy();
  else for (const bytes of ANSWERS[text] ?? [frame(opcode, content)]) socket.write(bytes);
}

function readFrames(socket) {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 6) {
      const short = rest[1] & 127;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      const length =
        start === 2 ? short : start === 4 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      if (rest.length < start + 4 + length) return;
      const mask = rest.subarray(start, start + 4);
      const content = Buffer.from(rest.subarray(start + 4, start + 4 + length));
      for (let at = 0; at < length; at++) content[at] ^= mask[at % 4];
      const [first, second] = rest;
      rest = rest.subarray(start + 4 + length);
      serve(socket, first & 15, content, second >= 128);
    }
  });
}

let requests = 0;
const STREAMS = [
  (response) => {
    response.write('\ufeff: hi\nretry: 50\n\ndata: one\n\nevent: own\nid: 7\ndata: a\ndata:  b\n');
    response.write('\nda');
    setTimeout(() => {
      response.write('ta: cut\r');
      setTimeout(() => response.end('\n\r\nid: ü\ndata\r\rdata: lost'), 5);
    }, 5);
  },
  (response) => response.end('data: again\n\n'),
  (response) => response.write('data: last\n\n'),
];

const server = http.createServer((request, response) => {
  if (request.url !== '/events') {
    response.writeHead(request.url === '/404' ? 404 : 200).end('plain');
    return;
  }
  console.log('request', requests, request.headers.accept, request.headers['last-event-id']);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  STREAMS[requests++](response);
});
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {});
  const key = request.url === '/wrong' ? 'x' : request.headers['sec-websocket-key'];
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  lines.push(`Sec-WebSocket-Accept: ${sha1(key + ACCEPT_GUID)}`);
  if (request.url === '/protocol') lines.push('Sec-WebSocket-Protocol: b');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  readFrames(socket);
});

const kindOf = (data) => {
  if (typeof data === 'string') return data.length > 50 ? data.length : data;
  return `${data.constructor.name} ${data.byteLength ?? data.size}`;
};

/** One connection: what is sent at its start, and how it is closed after so many messages. */
function session(url, { protocols, send = [], count = 0, close, binaryType = 'arraybuffer' }) {
  return new Promise((done) => {
    const socket = new WebSocket(url, protocols);
    const seen = [];
    let left = count;
    const next = () => {
      if (left-- === 0 && close) socket.close(...close);
    };
    socket.binaryType = binaryType;
    socket.onopen = ({ type }) => {
      seen.push([type, socket.protocol, socket.readyState]);
      for (const data of send) socket.send(data);
      next();
    };
    socket.onmessage = ({ data }) => {
      seen.push(kindOf(data));
      next();
    };
    socket.onerror = ({ type, message }) => seen.push([type, message]);
    socket.onclose = ({ type, code, reason, wasClean }) => {
      seen.push([type, code, reason, wasClean, socket.readyState]);
      done(seen);
    };
  });
}

function attempt(name, act) {
  try {
    console.log(name, act());
  } catch (error) {
    console.log(name, error.constructor.name, error.name, error.message);
  }
}

async function sockets(url) {
  const cases = [
    {
      send: ['hello', Buffer.from('bin'), 'x'.repeat(70_000), ''],
      count: 4,
      close: [1000, 'done'],
    },
    { path: '/protocol', protocols: ['a', 'b'], send: ['ping'], count: 1, close: [] },
    { send: ['fragments'], count: 2, close: [3001] },
    { send: [new Blob(['abc'])], binaryType: 'blob', count: 1, close: [4999, 'ü'] },
    ...Object.keys(ANSWERS)
      .slice(2)
      .map((name) => ({ send: [name] })),
    { send: ['drop'] },
    { path: '/protocol', close: [] },
    { path: '/wrong', close: [] },
  ];
  for (const { path = '/', ...one } of cases) {
    console.log(one.send?.[0] ?? path, await session(url + path, one));
  }
  console.log('refused', await session('ws://127.0.0.1:1', {}));
  console.log('secure', await session('wss://127.0.0.1:1', {}));
  const early = new WebSocket(url);
  attempt('early', () => early.send('x'));
  attempt('code', () => early.close(1001));
  attempt('reason', () => early.close(1000, 'x'.repeat(124)));
  early.close();
  await new Promise((done) => {
    early.onclose = ({ code, wasClean }) => done(console.log('closed early', code, wasClean));
  });
  attempt('none', () => new WebSocket());
  attempt('bad', () => new WebSocket('nope'));
  attempt('scheme', () => new WebSocket('ftp://x'));
  attempt('fragment', () => new WebSocket('ws://x/#a'));
  attempt('protocols', () => new WebSocket('ws://x', ['a', 'a']));
}

function events(url) {
  return new Promise((done) => {
    const source = new EventSource(`${url}/events`);
    const show = ({ type, data, lastEventId }) => {
      console.log(type, source.readyState, data, lastEventId);
      if (data !== 'last') return;
      source.close();
      done();
    };
    source.onopen = show;
    source.onerror = show;
    source.onmessage = show;
    source.addEventListener('own', show);
  });
}

server.listen(0, '127.0.0.1', async () => {
  const place = `127.0.0.1:${server.address().port}`;
  await sockets(`ws://${place}`);
  await events(`http://${place}`);
  for (const path of ['/404', '/plain']) {
    const source = new EventSource(`http://${place}${path}`);
    await new Promise((done) => {
      source.onerror = () => done(console.log(path, source.readyState));
    });
  }
  server.close();
  server.closeAllConnections();
});
