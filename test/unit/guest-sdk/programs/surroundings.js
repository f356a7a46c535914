/** What is on the disk before the script runs, and what it hears of changes. */

const fs = require('node:fs');
const { join } = require('node:path');

console.log(fs.readFileSync(__filename, 'utf8').length, fs.statSync(__filename).size);
console.log(fs.readFileSync(join(__dirname, 'beside.txt'), 'utf8'));
console.log(fs.existsSync('.'), fs.realpathSync('.') === process.cwd(), fs.existsSync(__dirname));
process.loadEnvFile(join(__dirname, 'named.env'));
console.log(process.env.NAMED);
const old = process.umask(0o077);
console.log(old, process.umask(old));

const base = fs.mkdtempSync('/tmp/hv-watch-');
process.chdir(base);
console.log(process.cwd() === base);
fs.writeFileSync('relative', 'x');
console.log(fs.existsSync(join(base, 'relative')), fs.readdirSync('.'));
try {
  process.chdir('nope');
} catch ({ code, syscall, dest, message }) {
  console.log(code, syscall, dest, message.replaceAll(base, 'BASE'));
}
const heard = new Set();
const watcher = fs.watch(base, (type, name) => heard.add(`${type} ${name}`));
watcher.on('close', () => console.log('closed'));
const single = fs.watch('relative', (type, name) => heard.add(`single ${type} ${name}`));
const seen = [];
fs.watchFile('polled', { interval: 20 }, (now, before) => {
  seen.push(`${before.size} ${now.size}`);
  if (seen.length === 2) {
    fs.unwatchFile('polled');
    watcher.close();
    single.close();
    console.log(seen, [...heard].sort());
    process.chdir('/');
    fs.rmSync(base, { recursive: true });
  }
});
setTimeout(() => {
  fs.writeFileSync('polled', 'abc');
  fs.appendFileSync('relative', 'y');
  fs.renameSync('relative', 'moved');
}, 110);
