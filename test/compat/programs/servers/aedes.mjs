import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';

const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${server.address().port}`, {
  clientId: 'one',
  reconnectPeriod: 0,
});
// Each side has its own order; what a side prints while the other does is nobody's.
const brokered = [];
broker.on('publish', (packet, from) => {
  if (from) brokered.push(`${packet.topic} ${packet.payload}`);
});
const seen = new Promise((resolve) => {
  let count = 0;
  client.on('message', (topic, payload, packet) => {
    console.log('message', topic, payload.toString(), packet.qos, packet.retain);
    if (++count === 3) resolve();
  });
});
console.log(await client.subscribeAsync('a/+/c', { qos: 1 }));
await client.publishAsync('a/b/c', 'qos 0');
await client.publishAsync('a/b/c', 'qos 1', { qos: 1, retain: true });
await client.publishAsync('a/x/c', 'x'.repeat(100), { qos: 1 });
await seen;
console.log(brokered);
await client.endAsync();
server.close();
broker.close();
