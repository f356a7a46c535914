const JSZip = require('jszip');
const pako = require('pako');
const tar = require('tar-stream');
const { ZipArchive } = require('archiver');

(async () => {
  const zip = new JSZip();
  zip.file('a.txt', 'hello '.repeat(50), { date: new Date(0) });
  zip.folder('d').file('b.bin', new Uint8Array([1, 2, 3]), { date: new Date(0) });
  const bytes = await zip.generateAsync({ type: 'nodebuffer', compression: 'DEFLATE' });
  const back = await JSZip.loadAsync(bytes);
  console.log(
    bytes.length < 500,
    Object.keys(back.files),
    (await back.file('a.txt').async('string')).length,
    await back.file('d/b.bin').async('uint8array'),
  );
  console.log(
    pako.inflate(pako.deflate('text'), { to: 'string' }),
    Buffer.from(pako.gzip('x')).length,
  );
  const pack = tar.pack();
  pack.entry({ name: 'x.txt', mtime: new Date(0) }, 'tarred');
  pack.finalize();
  const extract = tar.extract();
  pack.pipe(extract);
  for await (const entry of extract) {
    const chunks = [];
    for await (const chunk of entry) chunks.push(chunk);
    console.log(entry.header.name, entry.header.size, Buffer.concat(chunks).toString());
  }
  const archive = new ZipArchive({ zlib: { level: 9 } });
  const parts = [];
  archive.on('data', (part) => parts.push(part));
  archive.append('one', { name: 'one.txt', date: new Date(0) });
  archive.append(Buffer.from('two'), { name: 'd/two.txt', date: new Date(0) });
  await archive.finalize();
  const read = await JSZip.loadAsync(Buffer.concat(parts));
  console.log(Object.keys(read.files), await read.file('one.txt').async('string'));
})();
