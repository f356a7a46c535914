/** Files of all kinds on the guest's disk: what is written, moved, cut and refused reads the same for ever. */

const fs = require('node:fs');
const path = require('node:path');

const show = (...values) => console.log(...values);
const tries = (act) => {
  try {
    return act() ?? 'ok';
  } catch (error) {
    return error.message;
  }
};

process.chdir('/tmp');
const watcher = fs.watch('.', (type, name) => show('watch', type, name));
fs.mkdirSync('a/b', { recursive: true });
fs.writeFileSync('a/b/c', 'one\n');
fs.appendFileSync('a/b/c', 'two\n');
fs.symlinkSync('a/b/c', 'link');
fs.linkSync('a/b/c', 'hard');
fs.renameSync('a/b', 'moved');
const fd = fs.openSync('hole', 'w+');
fs.writeSync(fd, 'end', 20_000);
fs.fsyncSync(fd);
fs.ftruncateSync(fd, 20_001);
fs.closeSync(fd);
show(fs.readdirSync('.', { recursive: true }).sort());
show(fs.readFileSync('hard', 'utf8'), fs.statSync('hole').size, fs.readFileSync('hole').at(-1));
show(tries(() => fs.readFileSync('link')));
show(tries(() => fs.writeFileSync('full', 'x'.repeat(70_000))));
show(tries(() => fs.rmdirSync('moved')));
const own = path.join(__dirname, 'disk.js');
show(tries(() => fs.statSync(own).isFile()));
fs.writeFile('later', 'by and by', () => {
  show(fs.readFileSync('later', 'utf8'), fs.statfsSync('.').ffree);
  fs.rmSync('moved', { recursive: true });
  setTimeout(() => watcher.close(), 5);
});
