const bodyParser = require('body-parser');
const express = require('express');
const zlib = require('node:zlib');
const { ask, portOf } = require('./ask.cjs');

const app = express();
app.use(
  bodyParser.json({ limit: 100 }),
  bodyParser.urlencoded({ extended: false }),
  bodyParser.text(),
  bodyParser.raw(),
);
app.post('/', (request, response) =>
  response.send(
    Buffer.isBuffer(request.body) ? request.body.toString('hex') : JSON.stringify(request.body),
  ),
);
app.use((error, _request, response, _next) =>
  response.status(error.status).json({ type: error.type, message: error.message }),
);
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  const post = (type, body, headers = {}) =>
    ask(port, 'POST', '/', { headers: { 'content-type': type, ...headers }, body });
  await post('application/json', '{"a":1}');
  await post('application/json', '{"a":');
  await post('application/json', JSON.stringify('x'.repeat(200)));
  await post('application/json; charset=latin9', '{}');
  await post('application/json', zlib.gzipSync('{"zipped":true}'), { 'content-encoding': 'gzip' });
  await post('application/json', zlib.deflateSync('{"deflated":true}'), {
    'content-encoding': 'deflate',
  });
  await post('application/json', zlib.brotliCompressSync('{"brotli":true}'), {
    'content-encoding': 'br',
  });
  await post('application/x-www-form-urlencoded', 'a=1&a=2&b=%C3%A4');
  await post('text/plain; charset=iso-8859-1', Buffer.from([0xe4, 0x41]));
  await post('application/octet-stream', Buffer.from([0, 1, 254, 255]));
  server.close();
});
