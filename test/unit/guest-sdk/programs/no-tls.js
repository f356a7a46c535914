/** What TLS and datagrams would be for: everything loads, and fails in its own way. */

const dgram = require('node:dgram');
const http = require('node:http');
const https = require('node:https');
const tls = require('node:tls');
const { PassThrough } = require('node:stream');

function attempt(name, act) {
  try {
    console.log(name, act());
  } catch (error) {
    console.log(name, error.code);
  }
}
const show =
  (name) =>
  ({ code, message }) =>
    console.log(name, code, message);

attempt('agent', () => {
  const agent = new https.Agent({ keepAlive: true });
  return [agent.protocol, agent.defaultPort, agent instanceof http.Agent];
});
attempt('server', () => https.createServer({}));
attempt('tls server', () => tls.createServer());
attempt('context', () => tls.createSecureContext());
attempt('protocol', () => https.request('http://a/'));
https.get('https://127.0.0.1:1/x').on('error', show('get'));
https.request({ host: 'a', method: 'POST' }).on('error', show('request')).end('x');
tls
  .connect({ port: 1 })
  .on('error', show('tls'))
  .on('close', (failed) => console.log(failed));
// Over a stream nothing is wrong before somebody uses it: packages look for the class below.
attempt('over a stream', () => {
  const Below = new tls.TLSSocket(new PassThrough())._handle._parentWrap.constructor;
  const over = new PassThrough();
  over.write('through');
  new Below(over).on('data', (chunk) => console.log(Below.name, String(chunk)));
  new tls.TLSSocket(new PassThrough()).on('error', show('used')).write('x');
  return [];
});
attempt('protocols', () => {
  const out = {};
  tls.convertALPNProtocols(['h2', 'http/1.1'], out);
  return out;
});
const bound = dgram.createSocket('udp4');
bound.on('error', (error) => {
  show('bind')(error);
  bound.close(() => console.log('closed'));
});
bound.bind(1);
const sending = dgram.createSocket({ type: 'udp6' });
sending.send('x', 1, 'h', show('send'));
attempt('type', () => dgram.createSocket('x'));
attempt('address', () => sending.address());
fetch('https://127.0.0.1/').catch(({ message, cause }) => console.log(message, cause.message));
