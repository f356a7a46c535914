'use strict';
/**
 * Counts, at intervals with some jitter; prints each number and sends it to whoever is connected.
 *
 *   node counter.js [port] [host] [interval ms]    default 7000 on 127.0.0.1 every 100 ms
 *
 * A client gets "now N" when it connects and after each line it sends, and "count N" per step.
 */

const { once } = require('node:events');
const net = require('node:net');

const port = Number(process.argv[2] ?? process.env.PORT ?? 7000);
const host = process.argv[3] ?? process.env.HOST ?? '127.0.0.1';
const interval = Number(process.argv[4] ?? process.env.INTERVAL ?? 100);

let count = 0;
const sockets = new Set();

const server = net.createServer((socket) => {
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.write(`now ${count}\n`);
  socket.on('data', (chunk) => {
    for (const byte of chunk) if (byte === 10) socket.write(`now ${count}\n`);
  });
  // A reset is followed by close.
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
});

function step() {
  count += 1;
  console.log(`count ${count}`);
  for (const socket of sockets) socket.write(`count ${count}\n`);
  setTimeout(step, interval * (0.5 + Math.random()));
}

async function main() {
  server.listen(port, host);
  await once(server, 'listening');
  console.log(`counter: listening on ${host}:${server.address().port}`);
  step();
}

main();
