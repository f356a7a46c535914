/** A disk that is full. */

const fs = require('node:fs');

const { bsize, blocks, bfree } = fs.statfsSync('/');
console.log(bsize * blocks, (blocks - bfree) * bsize < 65_536);
const fd = fs.openSync('/tmp/large', 'w+');
fs.ftruncateSync(fd, 2 ** 40);
console.log(fs.fstatSync(fd).size, fs.fstatSync(fd).blocks);
const piece = Buffer.alloc(8 * 2 ** 20, 1);
let written = 0;
try {
  for (;;) written += fs.writeSync(fd, piece, 0, piece.length, written);
} catch ({ code, syscall, message }) {
  console.log(written / piece.length, code, syscall, message);
}
// Its room comes back when nobody holds it any more.
fs.unlinkSync('/tmp/large');
console.log(fs.statfsSync('/').bfree < blocks / 10);
fs.closeSync(fd);
console.log(fs.statfsSync('/').bfree > blocks * 0.99);
fs.writeFileSync('/tmp/again', piece);
console.log(fs.statSync('/tmp/again').size, fs.readdirSync('/'), fs.existsSync('/etc/passwd'));
fs.writeFileSync('/dev/null', 'gone');
fs.writeFileSync('/dev/stdout', 'to the console\n');
fs.writeFile('/tmp/x', 'x'.repeat(10), () => fs.createReadStream('/tmp/x').pipe(process.stdout));
