/** A server for the clients to talk to: it says what it was asked. */
const http = require('node:http');
const zlib = require('node:zlib');

/** Resolves with the address and a way to stop. */
function target() {
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url, 'http://x');
      if (url.pathname === '/redirect') return response.writeHead(302, { location: '/json' }).end();
      if (url.pathname === '/gzip')
        return response
          .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' })
          .end(zlib.gzipSync('zipped'));
      if (url.pathname === '/status')
        return response
          .writeHead(Number(url.searchParams.get('code')), { 'content-type': 'application/json' })
          .end('{"error":"yes"}');
      if (url.pathname === '/slow') return;
      const body = Buffer.concat(chunks).toString();
      const { accept, 'content-type': type, 'x-a': a } = request.headers;
      response.writeHead(200, { 'content-type': 'application/json', 'x-answer': 'yes' });
      response.end(
        JSON.stringify({
          method: request.method,
          url: request.url,
          body,
          accept,
          type: type?.replace(/boundary=.*/, 'boundary'),
          a,
        }),
      );
    });
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        stop() {
          server.close();
          server.closeAllConnections();
        },
      }),
    ),
  );
}
module.exports = { target };
