'use strict';
/**
 * Sends back what it gets, and ends when the client has ended.
 *
 *   node echo.js [port] [host]    default 7007 on 127.0.0.1; also from PORT and HOST
 */

const net = require('node:net');

const port = Number(process.argv[2] ?? process.env.PORT ?? 7007);
const host = process.argv[3] ?? process.env.HOST ?? '127.0.0.1';

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen(port, host, () => {
  console.log(`echo: listening on ${host}:${server.address().port}`);
});
