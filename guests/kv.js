'use strict';
/**
 * A Redis-compatible key-value server in memory (RESP2). Works with redis-cli, redis-benchmark and
 * the usual client libraries.
 *
 *   node kv.js [port] [host]      default 6379 on 127.0.0.1; also from PORT and HOST
 */

const net = require('node:net');
const { Keyspace } = require('./kv/keyspace.js');
const { RequestParser, ProtocolError, failure } = require('./kv/resp.js');

const port = Number(process.argv[2] ?? process.env.PORT ?? 6379);
const host = process.argv[3] ?? process.env.HOST ?? '127.0.0.1';
// Replies of one packet leave in one write; past this many bytes they leave earlier.
const WRITE_AT = 1024 * 1024;

const db = new Keyspace();
const server = {
  commands: new Map(
    Object.entries({
      ...require('./kv/server-commands.js'),
      ...require('./kv/strings.js'),
      ...require('./kv/collections.js'),
      ...require('./kv/sorted-sets.js').commands,
    }),
  ),
  clients: new Set(),
  clientsTotal: 0,
  commandsTotal: 0,
  startedAt: Date.now(),
  port,
};

// Clients spell a command one way each; the map spares the upper-casing of every request.
const spellings = new Map(server.commands);

function lookUp(name) {
  const command = server.commands.get(name.toUpperCase());
  if (command !== undefined && spellings.size < 10_000) spellings.set(name, command);
  return command;
}

function execute(client, args) {
  const command = spellings.get(args[0]) ?? lookUp(args[0]);
  if (command === undefined) {
    const rest = args.slice(1, 20).map((arg) => `'${arg.slice(0, 128)}' `);
    return failure(
      `unknown command '${args[0].slice(0, 128)}', with args beginning with: ${rest.join('')}`,
    );
  }
  const arity = command[0];
  if (arity >= 0 ? args.length !== arity : args.length < -arity) {
    return failure(`wrong number of arguments for '${args[0].toLowerCase()}' command`);
  }
  server.commandsTotal += 1;
  return command[1](db, args, client, server);
}

function serve(socket) {
  server.clientsTotal += 1;
  const client = {
    id: server.clientsTotal,
    name: '',
    address: `${socket.remoteAddress}:${socket.remotePort}`,
    closing: false,
  };
  server.clients.add(client);
  const parser = new RequestParser();
  socket.setNoDelay(true);

  socket.on('data', (chunk) => {
    if (client.closing) return;
    let out = '';
    let flowing = true;
    try {
      parser.push(chunk.toString('latin1'));
      for (let args = parser.next(); args !== undefined; args = parser.next()) {
        out += execute(client, args);
        if (client.closing) break;
        if (out.length > WRITE_AT) {
          flowing = socket.write(out, 'latin1');
          out = '';
        }
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      out += failure(`Protocol error: ${error.message}`);
      client.closing = true;
    }
    if (client.closing) {
      socket.end(out, 'latin1');
      return;
    }
    if (out !== '') flowing = socket.write(out, 'latin1');
    // A client that does not read its replies must not fill our memory with them.
    if (!flowing) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
  // A reset by the client is followed by close; there is nothing else to do about it.
  socket.on('error', () => {});
  socket.on('close', () => server.clients.delete(client));
}

const listener = net.createServer(serve);
listener.listen(port, host, () => {
  server.port = listener.address().port;
  console.log(`kv: listening on ${host}:${server.port}`);
});
