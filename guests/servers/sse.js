'use strict';
/**
 * A news ticker over Server-Sent Events, with nothing but Node:
 *
 *   node sse.js [port] [host]     default 3000 on 127.0.0.1
 *
 *   curl -N localhost:3000/events
 *   curl -d '{"nick":"zoe","text":"hello"}' localhost:3000/messages
 *
 * A reader that comes back says with Last-Event-ID (browsers do that by themselves) what it had last,
 * and gets what it has missed. A browser at http://localhost:3000/ shows the news.
 */

const { randomUUID } = require('node:crypto');
const http = require('node:http');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';
const HISTORY_MAX = 20_000;
const BODY_MAX = 8192;
const STILL_HERE_MS = 15_000;

const PAGE = `<!doctype html><title>News</title><ul id="news"></ul><script>
  new EventSource('/events').onmessage = ({ data }) => {
    const { nick, text } = JSON.parse(data);
    const line = document.createElement('li');
    line.textContent = nick + ': ' + text;
    document.getElementById('news').append(line);
  };
</script>`;

/** Events as they are sent; numbers begin at 1 and have no gaps. */
const history = [];
let last = 0;
const readers = new Set();

function publish(nick, text) {
  last += 1;
  const message = { number: last, nick, text, time: new Date().toISOString(), id: randomUUID() };
  const event = `id: ${last}\ndata: ${JSON.stringify(message)}\n\n`;
  history.push(event);
  if (history.length > HISTORY_MAX) history.splice(0, HISTORY_MAX / 4);
  for (const reader of readers) reader.write(event);
  return last;
}

function subscribe(request, response) {
  const after = Number(request.headers['last-event-id'] ?? 0);
  const first = last - history.length + 1;
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write(history.slice(Math.max(0, after + 1 - first)).join(''));
  response.write(`event: ready\ndata: ${JSON.stringify({ last })}\n\n`);
  readers.add(response);
  response.on('close', () => readers.delete(response));
}

function receive(request, response) {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    body += chunk;
    if (body.length > BODY_MAX) request.destroy();
  });
  request.on('end', () => {
    let message;
    try {
      message = JSON.parse(body);
    } catch {
      message = {};
    }
    const { nick = 'somebody', text } = message ?? {};
    const isNews = typeof text === 'string';
    response.writeHead(isNews ? 202 : 400, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(isNews ? { number: publish(String(nick), text) } : {}));
  });
}

const server = http.createServer((request, response) => {
  const { method, url } = request;
  if (method === 'GET' && url === '/events') subscribe(request, response);
  else if (method === 'POST' && url === '/messages') receive(request, response);
  else if (method === 'GET' && url === '/')
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
  else response.writeHead(404).end();
});

// Whoever stands between us and a reader may drop a connection on which nothing is said.
setInterval(() => {
  for (const reader of readers) reader.write(': still here\n\n');
}, STILL_HERE_MS).unref();

server.listen(port, host, () => {
  console.log(`sse: listening on ${host}:${server.address().port}`);
});
