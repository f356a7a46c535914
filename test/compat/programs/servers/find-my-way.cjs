const http = require('node:http');
const router = require('find-my-way')({
  defaultRoute: (_request, response) => {
    response.statusCode = 404;
    response.end('none');
  },
});
const { ask, portOf } = require('./ask.cjs');

router.on('GET', '/a/:b(^\\d+$)/c', (_request, response, params) =>
  response.end(JSON.stringify(params)),
);
router.on(['GET', 'POST'], '/static/*', (_request, response, params, _store, query) =>
  response.end(JSON.stringify({ params, query })),
);
console.log(router.prettyPrint());
const server = http
  .createServer((request, response) => router.lookup(request, response))
  .listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  for (const path of ['/a/12/c', '/a/x/c', '/static/a/b.js?v=1']) await ask(port, 'GET', path);
  server.close();
});
