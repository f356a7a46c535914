const http = require('node:http');
const { WebSocket, WebSocketServer } = require('ws');

const server = http.createServer((_request, response) => response.end('http'));
const wss = new WebSocketServer({ server, path: '/chat' });
wss.on('connection', (socket, request) => {
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.send(Buffer.from(data).reverse());
    for (const other of wss.clients) other.send(`${request.headers['x-name']}: ${data}`);
  });
  socket.on('ping', (data) => console.log('server ping', data.toString()));
  socket.on('close', (code, reason) => console.log('server close', code, reason.toString()));
});
server.listen(0, '127.0.0.1', () => {
  const url = `ws://127.0.0.1:${server.address().port}/chat`;
  const client = new WebSocket(url, { headers: { 'x-name': 'ada' } });
  let messages = 0;
  client.on('open', () => client.send('hello'));
  client.on('pong', (data) => {
    console.log('pong', data.toString());
    client.close(4001, 'bye');
  });
  client.on('message', (data, isBinary) => {
    messages++;
    if (isBinary) console.log('binary', data.length, data.subarray(0, 4));
    else console.log('text', data.toString().slice(0, 40), data.length);
    if (messages === 1) client.send(Buffer.from([1, 2, 3, 4]));
    else if (messages === 2) client.send('x'.repeat(200_000));
    else client.ping('p');
  });
  client.on('close', (code, reason) => {
    console.log('client close', code, reason.toString());
    const wrong = new WebSocket(url.replace('chat', 'nope'));
    wrong.on('error', (error) => {
      console.log(error.message);
      server.close(() => console.log('closed'));
      wss.close();
    });
  });
});
