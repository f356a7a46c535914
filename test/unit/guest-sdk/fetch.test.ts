/** fetch and its family, messages, sockets of the web: as in Node, and where it has none, as specified. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Ran, runInGuest, runInNode, scripts } from './kernel-runner.ts';

const program = (name: string): string => {
  const text = readFileSync(new URL(`./programs/${name}.js`, import.meta.url), 'utf8');
  return scripts({ [`${name}.js`]: text });
};
const lines = ({ stdout }: Ran): string[] => stdout.split('\n');

test('requests, redirects, failures, aborts, forms and messages are what they are in Node', async () => {
  const file = program('fetch');
  const [guest, node] = [await runInGuest(file), runInNode(file)];
  expect(lines(guest)).toEqual(lines(node));
  expect([guest.code, lines(guest).length > 300]).toEqual([0, true]);
});

test('sockets are opened, refused, closed and cut off as the protocol has it, event streams followed', async () => {
  const { stdout, stderr, code } = await runInGuest(program('web-sockets'));
  expect([stderr, code]).toEqual(['', 0]);
  expect(stdout).toMatchInlineSnapshot(`
    "hello [
      [ 'open', '', 1 ],
      'hello',
      'ArrayBuffer 3',
      70000,
      '',
      [ 'close', 1000, '', true, 3 ]
    ]
    ping [ [ 'open', 'b', 1 ], 'pong pp', [ 'close', 1005, '', true, 3 ] ]
    fragments [
      [ 'open', '', 1 ],
      'hello',
      'pong mid',
      [ 'close', 3001, '', true, 3 ]
    ]
    Blob { size: 3, type: '' } [ [ 'open', '', 1 ], 'Blob 3', [ 'close', 4999, '', true, 3 ] ]
    bad text [
      [ 'open', '', 1 ],
      [ 'error', 'Received invalid UTF-8 in text frame.' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    masked [
      [ 'open', '', 1 ],
      [ 'error', 'Frame cannot be masked' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    reserved [
      [ 'open', '', 1 ],
      [ 'error', 'Expected RSV1 to be clear.' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    long control [
      [ 'open', '', 1 ],
      [ 'error', 'Control frame too large' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    lost continuation [
      [ 'open', '', 1 ],
      [ 'error', 'Unexpected continuation frame' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    close [ [ 'open', '', 1 ], [ 'close', 4001, 'bye', true, 3 ] ]
    close without a code [ [ 'open', '', 1 ], [ 'close', 1005, '', true, 3 ] ]
    close with a wrong code [
      [ 'open', '', 1 ],
      [ 'error', 'Received invalid status code.' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    drop [ [ 'open', '', 1 ], [ 'close', 1006, '', false, 3 ] ]
    /protocol [
      [ 'error', 'Protocol was not set in the opening handshake.' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    /wrong [
      [
        'error',
        'Incorrect hash received in Sec-WebSocket-Accept header.'
      ],
      [ 'close', 1006, '', false, 3 ]
    ]
    refused [
      [ 'error', 'Received network error or non-101 status code.' ],
      [ 'close', 1006, '', false, 3 ]
    ]
    secure [
      [
        'error',
        'tls.connect is not available inside an hv guest. Use a ws: URL of a proxy that speaks TLS for this guest instead. See docs/guest-api.md#tls'
      ],
      [ 'close', 1006, '', false, 3 ]
    ]
    early DOMException InvalidStateError Sent before connected.
    code DOMException InvalidAccessError invalid code
    reason DOMException SyntaxError Reason must be less than 123 bytes; received 124
    closed early 1006 false
    none TypeError TypeError WebSocket constructor: 1 argument required, but 0 found.
    bad DOMException SyntaxError TypeError: Invalid URL
    scheme DOMException SyntaxError Expected a ws: or wss: protocol, got ftp:
    fragment DOMException SyntaxError Got fragment
    protocols DOMException SyntaxError Invalid Sec-WebSocket-Protocol value
    request 0 text/event-stream undefined
    open 1 undefined undefined
    message 1 one 
    own 1 a
     b 7
    message 1 cut 7
    message 1  ü
    error 0 undefined undefined
    request 1 text/event-stream Ã¼
    open 1 undefined undefined
    message 1 again ü
    error 0 undefined undefined
    request 2 text/event-stream Ã¼
    open 1 undefined undefined
    message 1 last ü
    /404 2
    /plain 2
    "
  `);
});

test('without TLS and datagrams, each call fails where its callers look for errors', async () => {
  const { stdout, stderr, code } = await runInGuest(program('no-tls'));
  expect([stderr, code]).toEqual(['', 0]);
  expect(stdout).toMatchInlineSnapshot(`
    "agent [ 'https:', 443, true ]
    server ERR_HV_UNSUPPORTED
    tls server ERR_HV_UNSUPPORTED
    context ERR_HV_UNSUPPORTED
    protocol ERR_INVALID_PROTOCOL
    over a stream []
    protocols { ALPNProtocols: <Buffer 02 68 32 08 68 74 74 70 2f 31 2e 31> }
    type ERR_SOCKET_BAD_TYPE
    address ERR_SOCKET_DGRAM_NOT_RUNNING
    used ERR_HV_UNSUPPORTED tls.connect is not available inside an hv guest. Use a proxy beside the guest that speaks TLS, and plain TCP to the guest, instead. See docs/guest-api.md#tls
    bind ERR_HV_UNSUPPORTED dgram.Socket.prototype.bind is not available inside an hv guest. Use TCP by node:net, or a service beside the guest that takes datagrams for it, instead. See docs/guest-api.md#dgram
    send ERR_HV_UNSUPPORTED dgram.Socket.prototype.send is not available inside an hv guest. Use TCP by node:net, or a service beside the guest that takes datagrams for it, instead. See docs/guest-api.md#dgram
    get ERR_HV_UNSUPPORTED https.request is not available inside an hv guest. Use a proxy beside the guest that speaks TLS, and http: to the guest, instead. See docs/guest-api.md#https
    request ERR_HV_UNSUPPORTED https.request is not available inside an hv guest. Use a proxy beside the guest that speaks TLS, and http: to the guest, instead. See docs/guest-api.md#https
    tls ERR_HV_UNSUPPORTED tls.connect is not available inside an hv guest. Use a proxy beside the guest that speaks TLS, and plain TCP to the guest, instead. See docs/guest-api.md#tls
    true
    JSStreamSocket through
    closed
    fetch failed https.request is not available inside an hv guest. Use a proxy that speaks TLS for this guest, over http:, instead. See docs/guest-api.md#https
    "
  `);
});
