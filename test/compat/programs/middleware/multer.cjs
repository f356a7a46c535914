const express = require('express');
const fs = require('node:fs');
const multer = require('multer');
const os = require('node:os');
const path = require('node:path');
const { ask, portOf } = require('./ask.cjs');

const app = express();
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'uploads-'));
app.post('/memory', multer({ limits: { fileSize: 1000 } }).array('files', 2), (request, response) =>
  response.json({
    body: request.body,
    files: request.files.map(({ originalname, mimetype, size, buffer }) => ({
      originalname,
      mimetype,
      size,
      text: buffer.toString(),
    })),
  }),
);
app.post('/disk', multer({ dest: directory }).single('file'), (request, response) =>
  response.json({
    size: request.file.size,
    text: fs.readFileSync(request.file.path, 'utf8'),
    files: fs.readdirSync(directory).length,
  }),
);
app.use((error, _request, response, _next) =>
  response.status(400).json({ code: error.code, message: error.message }),
);
const part = (name, file, text) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${file ? `; filename="${file}"\r\nContent-Type: text/plain` : ''}\r\n\r\n${text}\r\n`;
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  const post = (url, ...parts) =>
    ask(port, 'POST', url, {
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: `${parts.join('')}--b--\r\n`,
    });
  await post(
    '/memory',
    part('a', undefined, 'b'),
    part('files', 'x.txt', 'one'),
    part('files', 'ä.txt', 'two'),
  );
  await post('/memory', part('files', 'big.txt', 'x'.repeat(2000)));
  await post('/disk', part('file', 'y.txt', 'on disk '.repeat(3)));
  await post('/disk', part('other', 'y.txt', 'x'));
  fs.rmSync(directory, { recursive: true });
  server.close();
});
