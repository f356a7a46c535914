const compression = require('compression');
const express = require('express');
const http = require('node:http');
const zlib = require('node:zlib');

const app = express();
app.use(compression({ threshold: 10 }));
app.get('/', (_request, response) => response.type('txt').send('hello world '.repeat(1000)));
app.get('/flush', (_request, response) => {
  response.type('txt');
  response.write('first');
  response.flush();
  setTimeout(() => response.end('second'), 5);
});
const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const get = (path, encoding) =>
    new Promise((resolve) =>
      http.get(
        { port, path, agent: false, headers: { 'accept-encoding': encoding } },
        (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const plain = {
              gzip: zlib.gunzipSync,
              deflate: zlib.inflateSync,
              br: zlib.brotliDecompressSync,
            }[response.headers['content-encoding']];
            const text = (plain ? plain(bytes) : bytes).toString();
            console.log(
              path,
              encoding,
              response.headers['content-encoding'],
              response.headers.vary,
              text.length,
              bytes.length < text.length,
              text.slice(-5),
            );
            resolve();
          });
        },
      ),
    );
  for (const encoding of ['gzip', 'deflate', 'br', 'identity', 'gzip;q=0, *'])
    await get('/', encoding);
  await get('/flush', 'gzip');
  server.close();
});
