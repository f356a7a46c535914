const busboy = require('busboy');
const FormData = require('form-data');
const { PassThrough } = require('node:stream');

const form = new FormData({});
form.append('field', 'value');
form.append('file', Buffer.from('content '.repeat(5)), {
  filename: 'a.txt',
  contentType: 'text/plain',
});
const parser = busboy({ headers: form.getHeaders(), limits: { fileSize: 20 } });
parser.on('field', (name, value, info) => console.log('field', name, value, info));
parser.on('file', (name, stream, info) => {
  let size = 0;
  stream.on('data', (chunk) => {
    size += chunk.length;
  });
  stream.on('limit', () => console.log('limit'));
  stream.on('close', () => console.log('file', name, info, size, stream.truncated));
});
parser.on('close', () => console.log('done', form.getLengthSync()));
form.pipe(new PassThrough()).pipe(parser);
