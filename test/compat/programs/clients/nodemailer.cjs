const net = require('node:net');
const nodemailer = require('nodemailer');

const lines = [];
const server = net.createServer((socket) => {
  let inData = false;
  socket.write('220 test ESMTP\r\n');
  let rest = '';
  socket.on('data', (chunk) => {
    rest += chunk;
    const parts = rest.split('\r\n');
    rest = parts.pop();
    for (const line of parts) {
      if (inData) {
        if (line === '.') {
          inData = false;
          socket.write('250 queued\r\n');
        } else lines.push(line);
      } else if (/^DATA/.test(line)) {
        inData = true;
        socket.write('354 go\r\n');
      } else if (/^QUIT/.test(line)) socket.end('221 bye\r\n');
      else {
        if (!/^EHLO/.test(line)) lines.push(line);
        socket.write('250 ok\r\n');
      }
    }
  });
});
server.listen(0, '127.0.0.1', async () => {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port: server.address().port,
    ignoreTLS: true,
  });
  const info = await transport.sendMail({
    from: 'a@example.com',
    to: 'b@example.com, c@example.com',
    subject: 'Grüße',
    text: 'hello ä',
    html: '<b>hello</b>',
    date: new Date(0),
    messageId: '<1@example.com>',
    attachments: [{ filename: 'a.txt', content: 'attached' }],
  });
  console.log(info.accepted, info.response);
  console.log(lines.map((line) => line.replace(/--_NmP-[^"]*/g, '--boundary')).join('\n'));
  transport.close();
  server.close();
});
