'use strict';
/**
 * Holds a heap of a given size and answers: for bench/join.ts. Each line it receives is answered with a
 * number, and changes one of its records, so that its memory is never quite what it was.
 *
 *   node bench-heap.js [port] [MiB]      default 7000 and 100
 */

const net = require('node:net');

const port = Number(process.argv[2] ?? 7000);
const mebibytes = Number(process.argv[3] ?? 100);
const RECORD_BYTES = 8192;

// Filled with something, because memory of zeros costs nobody anything; no two pages are alike.
const pattern = Uint8Array.from({ length: RECORD_BYTES }, (_, at) => (at * 7) & 255);
const records = Array.from({ length: (mebibytes * 1024 * 1024) / RECORD_BYTES }, (_, number) => {
  const bytes = new Uint8Array(pattern);
  for (let at = 0; at < RECORD_BYTES; at += 1024) new DataView(bytes.buffer).setUint32(at, number);
  return { changes: 0, bytes };
});

let answers = 0;

net
  .createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      for (const byte of chunk) {
        if (byte !== 10) continue;
        answers += 1;
        const record = records[(answers * 7919) % records.length];
        if (record !== undefined) {
          record.changes += 1;
          record.bytes[record.changes % RECORD_BYTES] = answers & 255;
        }
        socket.write(`${answers}\n`);
      }
    });
    // A reset is followed by close.
    socket.on('error', () => {});
  })
  .listen(port, '127.0.0.1');
