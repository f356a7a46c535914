/**
 * Lets hv do once what it does most, so that V8's bytecode of it is there at every start
 * (hypervisor/cli/cached-code.ts): a guest that serves alone, one with a backup that takes over, a
 * replay, a look into a log. One after the other: each adds to what those before have compiled.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const hv = fileURLToPath(new URL('../dist/bin/main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'hv-warm-'));

// Serves itself a few times, so that every device is asked.
const GUEST = `
const net = require('node:net');
const server = net.createServer((socket) => {
  socket.on('data', (text) => socket.end(String(text)));
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => {
  let left = 3;
  const ask = () => {
    const client = net.connect(server.address().port, '127.0.0.1', () => client.write('x'));
    client.on('error', () => {});
    client.on('data', (text) => console.log(String(text), Math.random(), Date.now()));
    client.on('close', () => (--left > 0 ? setTimeout(ask, 100) : setTimeout(() => server.close(), 300)));
  };
  ask();
});
`;
writeFileSync(join(dir, 'guest.js'), GUEST);

function start(...args) {
  const child = spawn(process.execPath, [hv, ...args], {
    cwd: dir,
    env: { ...process.env, HV_WARM_CODE_CACHE: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`hv ${args.join(' ')} ended with ${signal ?? code}:\n${said}`));
    });
  });
  return { child, ended };
}

const run = (...args) => start(...args).ended;

/** The address a backup listens on. */
function addressOf({ child, ended }) {
  let lines = '';
  const listening = new Promise((resolve) => {
    child.stdio[3].on('data', (text) => {
      lines += text;
      const found = /"address":"([^"]+)"/.exec(lines)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return Promise.race([
    listening,
    ended.then(() => {
      throw new Error('the backup ended before it listened');
    }),
  ]);
}

try {
  await run('run', '--admin', 'off', 'guest.js');
  const backup = start(
    ...['backup', '--listen', '127.0.0.1:0', '--admin', 'off', '--dir', 'copy', '--events-fd', '3'],
  );
  const address = await addressOf(backup);
  await Promise.all([
    run(
      ...['run', '--name', 'pair', '--admin', 'off', '--detect', 'wan'],
      ...['--backup', address, 'guest.js'],
    ),
    backup.ended,
  ]);
  await run('replay', '-q', '.hv/guest');
  await run('inspect', '--at', '50%', '--eval', '1', '.hv/guest');
  await run('log', 'export', '.hv/guest', '--format', 'jsonl');
  await run('fork', '.hv/guest', '--at', '50%', '--name', 'forked', '--ports', 'free');
} catch (error) {
  // What is there is taken all the same, and what is not costs a start some time and nothing else.
  console.error(`build: starts will be slower than they could be: ${error.message}`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
