/** Keeps what it is sent, and says so when it is as safe as the line asks: `<level> <text>`. */

import { createServer } from 'node:net';
import { hv } from 'hv/guest';

const kept = [];
const server = createServer((socket) => {
  socket.setEncoding('utf8');
  socket.on('error', () => undefined);
  let rest = '';
  socket.on('data', async (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line === 'quit') {
        socket.end();
        server.close();
        continue;
      }
      const [level, word] = line.split(' ');
      kept.push(word);
      const since = Date.now();
      await hv.commit(level);
      console.log(level, kept.join(), Date.now() >= since);
      socket.write(`${word} is ${level}\n`);
    }
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
