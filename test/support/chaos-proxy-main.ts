/**
 * The chaos proxy as a program, for links between hosts or namespaces:
 *
 *   node dist/test/support/chaos-proxy-main.js <target host:port> [--listen host:port] [--seed N]
 *
 * Prints `listening host:port`, then `ok` or `error TEXT` for each command on its standard input
 * (chaos-commands.ts). Ends with its input.
 */

import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parseAddress } from '../../hypervisor/host/addresses.ts';
import { COMMANDS, obey } from './chaos-commands.ts';
import { ChaosProxy } from './chaos-proxy.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    seed: { type: 'string', default: '1' },
  },
});
const [to] = positionals;
if (to === undefined) {
  console.error(`usage: chaos-proxy-main <target host:port> [--listen host:port] [--seed N]
commands on standard input:
${COMMANDS}`);
  process.exit(2);
}
const { host, port } = parseAddress(values.listen, { what: '--listen' });
const target = parseAddress(to, { what: 'the target' });
const proxy = await ChaosProxy.start(target, { host, port, seed: Number(values.seed) });
console.log(`listening ${proxy.address}`);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await obey(proxy, line);
    console.log('ok');
  } catch (error) {
    console.log(`error ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
}
await proxy.close();
