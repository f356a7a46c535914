'use strict';
/** Commands about the connection and the server. Handlers get (db, args, client, server). */

const { globToRegExp } = require('./glob.js');
const R = require('./resp.js');

const VERSION = '7.2.0';
// What benchmarks and clients ask for at their start.
const CONFIG = new Map([
  ['save', ''],
  ['appendonly', 'no'],
  ['databases', '1'],
  ['maxmemory', '0'],
  ['timeout', '0'],
]);

function info(db, server) {
  const { rss, heapUsed } = process.memoryUsage?.() ?? { rss: 0, heapUsed: 0 };
  return [
    '# Server',
    `redis_version:${VERSION}`,
    'redis_mode:standalone',
    `process_id:${process.pid}`,
    `tcp_port:${server.port}`,
    `uptime_in_seconds:${Math.floor((Date.now() - server.startedAt) / 1000)}`,
    '',
    '# Clients',
    `connected_clients:${server.clients.size}`,
    '',
    '# Memory',
    `used_memory:${heapUsed}`,
    `used_memory_rss:${rss}`,
    '',
    '# Stats',
    `total_connections_received:${server.clientsTotal}`,
    `total_commands_processed:${server.commandsTotal}`,
    `expired_keys:${db.expired}`,
    '',
    '# Replication',
    'role:master',
    'connected_slaves:0',
    '',
    '# Keyspace',
    ...(db.size > 0 ? [`db0:keys=${db.size},expires=${db.deadlines.size},avg_ttl=0`] : []),
    '',
  ].join('\r\n');
}

function describeClient(client) {
  return `id=${client.id} addr=${client.address} name=${client.name} db=0 resp=2`;
}

function clientCommand(args, client, server) {
  const what = args[1].toUpperCase();
  if (what === 'ID') return R.integer(client.id);
  if (what === 'GETNAME') return R.bulk(client.name);
  if (what === 'SETINFO' && args.length === 4) return R.OK;
  if (what === 'INFO') return R.bulk(`${describeClient(client)}\n`);
  if (what === 'LIST') return R.bulk(`${[...server.clients].map(describeClient).join('\n')}\n`);
  if (what === 'SETNAME' && args.length === 3) {
    if (/[^!-~]/.test(args[2])) {
      return R.failure('Client names cannot contain spaces, newlines or special characters.');
    }
    client.name = args[2];
    return R.OK;
  }
  return R.failure(`unknown subcommand '${args[1]}'. Try CLIENT HELP.`);
}

function configCommand(args) {
  const what = args[1].toUpperCase();
  if (what === 'RESETSTAT') return R.OK;
  if (what !== 'GET' || args.length < 3) {
    return R.failure(`unknown subcommand '${args[1]}'. Try CONFIG HELP.`);
  }
  const found = new Map();
  for (const pattern of args.slice(2)) {
    const matches = globToRegExp(pattern, 'i');
    for (const [name, value] of CONFIG) if (matches.test(name)) found.set(name, value);
  }
  return R.array([...found].flat());
}

function hello(args, client) {
  if (args.length > 1 && args[1] !== '2') {
    if (/^\d+$/.test(args[1])) return '-NOPROTO unsupported protocol version\r\n';
    return R.failure('Protocol version is not an integer or out of range');
  }
  const named = args.findIndex((word) => word.toUpperCase() === 'SETNAME');
  if (named > 0 && args[named + 1] !== undefined) client.name = args[named + 1];
  const id = R.integer(client.id);
  const text = ['server', 'redis', 'version', VERSION].map(R.bulk).join('');
  const rest = ['mode', 'standalone', 'role', 'master', 'modules'].map(R.bulk).join('');
  return `*14\r\n${text}${R.bulk('proto')}:2\r\n${R.bulk('id')}${id}${rest}${R.EMPTY}`;
}

function commandTable(args, server) {
  const what = args[1]?.toUpperCase();
  if (what === 'COUNT') return R.integer(server.commands.size);
  if (what !== undefined && what !== 'INFO' && what !== 'LIST') return R.EMPTY;
  if (what === 'LIST') return R.array([...server.commands.keys()].map((n) => n.toLowerCase()));
  let out = `*${server.commands.size}\r\n`;
  for (const [name, [arity]] of server.commands) {
    out += `*6\r\n${R.bulk(name.toLowerCase())}:${arity}\r\n*0\r\n:1\r\n:1\r\n:1\r\n`;
  }
  return out;
}

function quit(_db, _args, client) {
  client.closing = true;
  return R.OK;
}

module.exports = {
  PING: [-1, (_db, args) => (args.length > 1 ? R.bulk(args[1]) : '+PONG\r\n')],
  ECHO: [2, (_db, args) => R.bulk(args[1])],
  SELECT: [2, (_db, args) => (args[1] === '0' ? R.OK : R.failure('DB index is out of range'))],
  QUIT: [-1, quit],
  TIME: [
    1,
    () => {
      const now = Date.now();
      return R.array([String(Math.floor(now / 1000)), String((now % 1000) * 1000)]);
    },
  ],
  INFO: [-1, (db, _args, _client, server) => R.bulk(info(db, server))],
  COMMAND: [-1, (_db, args, _client, server) => commandTable(args, server)],
  CONFIG: [-2, (_db, args) => configCommand(args)],
  CLIENT: [-2, (_db, args, client, server) => clientCommand(args, client, server)],
  HELLO: [-1, (_db, args, client) => hello(args, client)],
};
