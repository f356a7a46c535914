const Koa = require('koa');
const { Router } = require('@koa/router');
const { bodyParser } = require('@koa/bodyparser');
const { ask, portOf } = require('./ask.cjs');

async function main() {
  const app = new Koa();
  app.silent = true;
  const router = new Router({ prefix: '/api' });
  router.get('/items/:id', (ctx) => {
    ctx.body = { id: ctx.params.id, query: ctx.query };
  });
  router.post('/items', (ctx) => {
    ctx.status = 201;
    ctx.body = ctx.request.body;
  });
  app.use(async (ctx, next) => {
    await next();
    ctx.set('x-path', ctx.path);
  });
  app.use(bodyParser());
  app.use(router.routes()).use(router.allowedMethods());
  app.use(async (ctx) => {
    if (ctx.path === '/boom') throw new Error('boom');
    if (ctx.path === '/teapot') ctx.throw(418, 'short');
    if (ctx.path === '/cookie') {
      ctx.cookies.set('name', 'value');
      ctx.body = String(ctx.cookies.get('seen'));
    }
    if (ctx.path === '/stream') {
      ctx.body = require('node:stream').Readable.from(['a', 'b', 'c']);
    }
    if (ctx.path === '/') ctx.body = 'hello';
  });
  const server = app.listen(0, '127.0.0.1');
  const port = await portOf(server);
  await ask(port, 'GET', '/');
  await ask(port, 'GET', '/api/items/7?a=1&a=2');
  await ask(port, 'POST', '/api/items', {
    headers: { 'content-type': 'application/json' },
    body: '{"a":[1,2]}',
  });
  await ask(port, 'DELETE', '/api/items');
  for (const path of ['/boom', '/teapot', '/stream', '/nope']) await ask(port, 'GET', path);
  await ask(port, 'GET', '/cookie', { headers: { cookie: 'seen=yes' } });
  server.close(() => console.log('closed'));
}
main();
