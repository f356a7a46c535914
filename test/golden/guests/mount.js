/** Directories of the host: what is in them is in the log, and what becomes of them is an output. */

const fs = require('node:fs');

const tries = (act) => {
  try {
    return act() ?? 'ok';
  } catch (error) {
    return error.message;
  }
};

console.log(fs.readdirSync('/in', { recursive: true }).sort(), fs.readFileSync('/in/b/c', 'utf8'));
console.log(tries(() => fs.writeFileSync('/in/a', 'not mine')));
fs.mkdirSync('/out/new');
fs.writeFileSync('/out/new/f~', 'whole');
fs.renameSync('/out/new/f~', '/out/new/f');
fs.appendFileSync('/out/new/f', ' and more');
fs.truncateSync('/out/new/f', 9);
fs.rmSync('/out/old');
console.log(tries(() => fs.symlinkSync('/in', '/out/link')));
console.log(fs.readFileSync('/out/new/f', 'utf8'), fs.readdirSync('/out'));
