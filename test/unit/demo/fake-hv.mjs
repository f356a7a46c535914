/**
 * Stands in for the command line of hv, to test the demo itself: replicas with links, events and a
 * takeover, but no machine and no log. With HV_FAKE_UPSTREAM set the primary is a proxy to a guest
 * that never dies, so that nothing is lost; without it each primary starts the guest afresh, so that
 * everything is.
 */

import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const upstream = process.env.HV_FAKE_UPSTREAM;
let epoch = 1;

function emit(evt) {
  const at = Math.round((performance.timeOrigin + performance.now()) * 1000);
  writeSync(3, `${JSON.stringify({ evt, at, epoch })}\n`);
}

function splitAddress(address) {
  const [host, port] = address.split(':');
  return { host, port: Number(port) };
}

/** Serves the guest's port; the port of a killed process may take a moment to be free. */
function serve({ guest, port }, onServing) {
  if (upstream === undefined) {
    process.argv = [process.argv[0], guest, String(port)];
    createRequire(import.meta.url)(guest);
    setTimeout(onServing, 20);
    return;
  }
  const proxy = createServer((client) => {
    const server = connect(Number(upstream), '127.0.0.1');
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  });
  proxy.on('error', () => setTimeout(() => proxy.listen(port, '127.0.0.1'), 5));
  proxy.on('listening', onServing);
  proxy.listen(port, '127.0.0.1');
}

/** A primary: shadows are told what to serve, and notice by the closed link that it is dead. */
class Primary {
  constructor(work) {
    this.work = work;
  }

  protectBy(link) {
    link.on('error', () => {});
    link.write(`${JSON.stringify(this.work)}\n`);
    emit('backup.joined');
    emit('protected');
  }
}

let role;

function shadow(link) {
  let text = '';
  link.on('error', () => {});
  link.on('data', (chunk) => {
    text += chunk;
    emit('in.step');
  });
  link.on('close', () => {
    // The demo looks whether the link accepts connections; such a look brings no work.
    if (text === '') return;
    epoch += 1;
    for (const evt of ['suspected', 'claimed', 'tail.replayed']) emit(evt);
    const work = JSON.parse(text);
    serve(work, () => {
      role = new Primary(work);
      emit('live');
      emit('first.output');
    });
  });
}

/** A link is opened by the primary to a backup, or by a joining backup, which says so. */
const listener = createServer((link) => {
  if (role === undefined) return shadow(link);
  link.on('error', () => {});
  return link.once('data', () => role.protectBy(link));
});
listener.listen(splitAddress(option('--listen')));

if (args[0] === 'run') {
  const [guest, port] = args.slice(-2);
  role = new Primary({ guest, port: Number(port) });
  serve(role.work, () => {
    emit('primary.live');
    const link = connect(splitAddress(option('--backup')), () => role.protectBy(link));
  });
} else if (option('--join') !== undefined) {
  const link = connect(splitAddress(option('--join')), () => link.write('join\n'));
  shadow(link);
}
if (process.env.HV_FAKE_DIES === args[0]) {
  setTimeout(() => {
    console.error('the fake dies as it was told');
    process.exit(77);
  }, 1000);
}
