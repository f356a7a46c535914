const http = require('node:http');
const { Server } = require('socket.io');
const { io: connect } = require('socket.io-client');

const server = http.createServer();
const io = new Server(server, { pingInterval: 10_000 });
io.on('connection', (socket) => {
  socket.join('room');
  socket.on('add', (a, b, done) => done(a + b));
  socket.on('bytes', (bytes) => io.to('room').emit('bytes', Buffer.from(bytes).reverse()));
  socket.on('disconnect', (reason) => {
    console.log('server', reason);
    io.close();
  });
});
server.listen(0, '127.0.0.1', () => {
  const client = connect(`http://127.0.0.1:${server.address().port}`);
  client.on('connect', async () => {
    // The upgrade may be over before the connection of the namespace is.
    if (client.io.engine.transport.name !== 'websocket')
      await new Promise((resolve) => client.io.engine.once('upgrade', resolve));
    console.log('upgraded', client.io.engine.transport.name);
    console.log('sum', await client.emitWithAck('add', 1, 2));
    client.emit('bytes', Buffer.from([1, 2, 3]));
  });
  client.on('bytes', (bytes) => {
    console.log('bytes', Buffer.from(bytes));
    client.disconnect();
  });
});
