'use strict';
/**
 * A chat room over WebSockets, with the package ws:
 *
 *   npm install ws
 *   node ws-chat.js [port] [host]     default 3000 on 127.0.0.1
 *
 * ws://localhost:3000/?nick=zoe&after=41 joins and gets the messages behind number 41, then
 * {"type":"ready"}, then what comes. Who sends {"text":"hello"} says it to everybody.
 */

const { randomUUID } = require('node:crypto');
const { WebSocketServer } = require('ws');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';
const HISTORY_MAX = 20_000;
const TEXT_MAX = 4096;

/** Messages as they are sent; numbers begin at 1 and have no gaps. */
const history = [];
let last = 0;

const server = new WebSocketServer({ port, host, maxPayload: 2 * TEXT_MAX });

function post(nick, text) {
  last += 1;
  const time = new Date().toISOString();
  const message = { type: 'message', number: last, nick, text, time, id: randomUUID() };
  const bytes = JSON.stringify(message);
  history.push(bytes);
  if (history.length > HISTORY_MAX) history.splice(0, HISTORY_MAX / 4);
  for (const client of server.clients) if (client.joined) client.send(bytes);
}

/** What was sent as JSON, if it is something to say. */
function textOf(data) {
  try {
    const { text } = JSON.parse(data);
    return typeof text === 'string' && text.length <= TEXT_MAX ? text : undefined;
  } catch {
    return undefined;
  }
}

server.on('connection', (client, request) => {
  const { searchParams } = new URL(request.url, 'ws://localhost');
  const nick = searchParams.get('nick') ?? 'somebody';
  const after = Number(searchParams.get('after') ?? last);
  const first = last - history.length + 1;
  for (const message of history.slice(Math.max(0, after + 1 - first))) client.send(message);
  client.send(JSON.stringify({ type: 'ready', last }));
  client.joined = true;

  client.on('message', (data) => {
    const text = textOf(data);
    if (text === undefined) client.close(1007, 'send {"text": "..."}');
    else post(nick, text);
  });
  // A connection that breaks is closed, and no more.
  client.on('error', () => {});
});

server.on('listening', () => {
  console.log(`ws-chat: listening on ${host}:${server.address().port}`);
});
