/** Asks a server of this very process over a socket, and shows what comes back but for what differs from run to run. */
const net = require('node:net');

/** Resolves with the answer as text: its head and its body as they are on the wire. */
function answerOf(port, method, path, { headers = {}, body = '' } = {}) {
  const bytes = Buffer.from(body);
  const lines = Object.entries({
    host: 'localhost',
    connection: 'close',
    ...(bytes.length > 0 ? { 'content-length': bytes.length } : {}),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
      socket.write(bytes);
    });
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** Prints the answer to one request. */
async function ask(port, method, path, options) {
  const text = await answerOf(port, method, path, options);
  console.log(`--- ${method} ${path}`);
  console.log(
    text
      .replace(/^(date|last-modified): .*$/gim, '$1: ...')
      .replace(/\r/g, '')
      .replaceAll(`:${port}`, ':PORT')
      .replace(/\n\n([\s\S]*)$/, (all, rest) =>
        /[^\x09\x0a\x20-\x7e]/.test(rest)
          ? `\n\n${Buffer.from(rest, 'latin1').toString('base64')}`
          : all,
      ),
  );
}

/** Resolves with the port of a server that listens, or is about to. */
function portOf(server) {
  return new Promise((resolve) => {
    if (server.listening) resolve(server.address().port);
    else server.once('listening', () => resolve(server.address().port));
  });
}

module.exports = { answerOf, ask, portOf };
