const express = require('express');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const serveStatic = require('serve-static');
const { ask, portOf } = require('./ask.cjs');

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'static-'));
fs.writeFileSync(path.join(root, 'index.html'), '<p>home</p>');
fs.writeFileSync(path.join(root, 'data.json'), '{"a":1}');
fs.mkdirSync(path.join(root, 'sub'));
fs.writeFileSync(path.join(root, 'sub', 'a b.txt'), '0123456789');
fs.writeFileSync(path.join(root, '.hidden'), 'no');
// The page of an error shows no stack: where V8 and the guest's engine put a frame differs.
process.env.NODE_ENV = 'production';
const app = express();
app.use('/s', serveStatic(root, { etag: false, maxAge: '1d' }));
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  for (const url of [
    '/s/',
    '/s',
    '/s/data.json',
    '/s/sub',
    '/s/sub/a%20b.txt',
    '/s/.hidden',
    '/s/../x',
    '/s/nope',
  ])
    await ask(port, 'GET', url);
  await ask(port, 'GET', '/s/sub/a%20b.txt', { headers: { range: 'bytes=2-4' } });
  await ask(port, 'GET', '/s/sub/a%20b.txt', { headers: { range: 'bytes=20-' } });
  fs.rmSync(root, { recursive: true });
  server.close();
});
