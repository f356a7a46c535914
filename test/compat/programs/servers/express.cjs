const express = require('express');
const { ask, portOf } = require('./ask.cjs');

const app = express();
const items = new Map();
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.get('/', (_request, response) => response.send('hello'));
app.get('/items/:id', (request, response) => {
  const item = items.get(request.params.id);
  if (item === undefined) return response.status(404).json({ error: 'no such item' });
  response.json(item);
});
app.put('/items/:id', (request, response) => {
  items.set(request.params.id, request.body);
  response.location(request.originalUrl).sendStatus(201);
});
app.post('/form', (request, response) =>
  response.json({ form: request.body, query: request.query }),
);
app.get('/text', (_request, response) =>
  response.type('txt').set('X-Many', ['a', 'b']).send('plain'),
);
app.get('/cookie', (_request, response) =>
  response.cookie('a', 'b c', { httpOnly: true, maxAge: 1000 }).end(),
);
app.get('/away', (_request, response) => response.redirect('/'));
app.get('/boom', () => {
  throw new Error('boom');
});
app.get('/later', async () => {
  await null;
  throw Object.assign(new Error('teapot'), { status: 418 });
});
const router = express.Router({ mergeParams: true });
router.all('/{*rest}', (request, response) =>
  response.json({ ...request.params, base: request.baseUrl }),
);
app.use('/sub/:name', router);
app.use((error, _request, response, _next) =>
  response.status(error.status ?? 500).send(error.message),
);
const server = app.listen(0, '127.0.0.1', async () => {
  const port = await portOf(server);
  const json = { 'content-type': 'application/json' };
  await ask(port, 'GET', '/');
  await ask(port, 'GET', '/', {
    headers: { 'if-none-match': 'W/"5-qvTGHdzF6KLavt4PO0gs2a6pQ00"' },
  });
  await ask(port, 'HEAD', '/');
  await ask(port, 'GET', '/items/7');
  await ask(port, 'PUT', '/items/7', { headers: json, body: '{"name":"ä","n":[1,2,3]}' });
  await ask(port, 'GET', '/items/7');
  await ask(port, 'PUT', '/items/8', { headers: json, body: '{"broken":' });
  await ask(port, 'POST', '/form?a=1&b[c]=2', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'x=1&y%5Bz%5D=2',
  });
  for (const path of ['/text', '/away', '/boom', '/later', '/nope', '/sub/x/y/z', '/%zz'])
    await ask(port, 'GET', path);
  await ask(port, 'OPTIONS', '/items/7');
  server.close(() => console.log('closed'));
});
