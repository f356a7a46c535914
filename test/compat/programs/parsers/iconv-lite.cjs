const iconv = require('iconv-lite');

console.log(
  iconv.encode('Grüße €', 'win1252'),
  iconv.decode(Buffer.from([0x93, 0xfa, 0x96, 0x7b]), 'shiftjis'),
  iconv.decode(Buffer.from([0xc4, 0xe3]), 'gbk'),
  iconv.encode('ä', 'utf16le'),
  iconv.encodingExists('koi8-r'),
  iconv.decode(iconv.encode('привет', 'koi8-r'), 'koi8-r'),
);
const stream = iconv.decodeStream('utf-16be');
stream.on('data', (text) => console.log(text));
stream.end(iconv.encode('streamed', 'utf-16be'));
