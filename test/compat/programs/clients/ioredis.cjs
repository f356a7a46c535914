const Redis = require('ioredis');
const net = require('node:net');

const store = new Map();
const server = net.createServer((socket) => {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    for (;;) {
      const head = /^\*(\d+)\r\n/.exec(text);
      if (head === null) return;
      let at = head[0].length;
      const words = [];
      for (let i = 0; i < Number(head[1]); i++) {
        const size = /^\$(\d+)\r\n/.exec(text.slice(at));
        if (size === null || text.length < at + size[0].length + Number(size[1]) + 2) return;
        at += size[0].length;
        words.push(text.slice(at, at + Number(size[1])));
        at += Number(size[1]) + 2;
      }
      text = text.slice(at);
      socket.write(answer(words));
      if (words[0].toLowerCase() === 'quit') socket.end();
    }
  });
});
function answer([name, key, value]) {
  switch (name.toLowerCase()) {
    case 'info':
      return '$15\r\nredis_version:7\r\n';
    case 'set':
      store.set(key, value);
      return '+OK\r\n';
    case 'get':
      return store.has(key) ? `$${store.get(key).length}\r\n${store.get(key)}\r\n` : '$-1\r\n';
    case 'incr':
      store.set(key, String(Number(store.get(key) ?? 0) + 1));
      return `:${store.get(key)}\r\n`;
    case 'client':
      return '+OK\r\n';
    case 'quit':
      return '+OK\r\n';
    default:
      return `-ERR unknown command '${name}'\r\n`;
  }
}
server.listen(0, '127.0.0.1', async () => {
  const redis = new Redis(server.address().port, '127.0.0.1');
  console.log(
    await redis.set('a', '1'),
    await redis.get('a'),
    await redis.get('b'),
    await redis.incr('n'),
  );
  console.log(await redis.pipeline().incr('n').get('n').exec());
  console.log((await redis.call('nope').catch((error) => error)).message);
  console.log(await redis.quit());
  server.close(() => console.log('closed'));
});
