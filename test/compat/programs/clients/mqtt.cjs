const mqttPacket = require('mqtt-packet');
const mqtt = require('mqtt');
const net = require('node:net');

const server = net.createServer((socket) => {
  const parser = mqttPacket.parser();
  parser.on('packet', (packet) => {
    console.log('server', packet.cmd, packet.topic ?? '');
    if (packet.cmd === 'connect')
      socket.write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
    if (packet.cmd === 'publish')
      socket.write(mqttPacket.generate({ cmd: 'puback', messageId: packet.messageId }));
    if (packet.cmd === 'disconnect') socket.end();
  });
  socket.on('data', (chunk) => parser.parse(chunk));
});
server.listen(0, '127.0.0.1', () => {
  const client = mqtt.connect(`mqtt://127.0.0.1:${server.address().port}`, { clientId: 'c' });
  client.on('connect', () =>
    client.publish('a/b', 'payload', { qos: 1 }, (error) => {
      console.log('published', error ?? 'ok');
      client.end(() => {
        console.log('ended');
        server.close();
      });
    }),
  );
});
