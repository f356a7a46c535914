import polka from 'polka';
import ask from './ask.cjs';

const app = polka({
  onError: (error, _request, response) => {
    response.statusCode = 500;
    response.end(String(error.message ?? error));
  },
});
app.use((request, _response, next) => {
  request.seen = true;
  next();
});
app.get('/users/:id', (request, response) =>
  response.end(JSON.stringify({ ...request.params, seen: request.seen, query: request.query })),
);
app.get('/boom', (_request, _response, next) => next(new Error('boom')));
app.use(
  'sub',
  polka().get('/x', (_request, response) => response.end('sub')),
);
app.listen(0, '127.0.0.1', async () => {
  const { port } = app.server.address();
  for (const path of ['/users/7?a=1', '/boom', '/sub/x', '/nope']) await ask.ask(port, 'GET', path);
  app.server.close();
});
