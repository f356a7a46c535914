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

// A third of each record is noise, so that the whole packs about as well as a heap of objects and strings does,
// and no two pages are alike: memory of zeros, or of one pattern, costs nobody anything.
const noise = new Uint8Array(1024 * 1024);
for (let at = 0, word = 1; at < noise.length; at += 1) {
  word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
  noise[at] = word >>> 24;
}
const pattern = Uint8Array.from({ length: RECORD_BYTES }, (_, at) => (at * 7) & 255);
const records = Array.from({ length: (mebibytes * 1024 * 1024) / RECORD_BYTES }, (_, number) => {
  const bytes = new Uint8Array(pattern);
  for (let at = 0; at < RECORD_BYTES; at += 1024) {
    const from = ((number * 8 + at / 1024) * 341) % (noise.length - 341);
    bytes.set(noise.subarray(from, from + 341), at);
    new DataView(bytes.buffer).setUint32(at, number);
  }
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
