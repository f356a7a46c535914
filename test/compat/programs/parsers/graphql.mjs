import http from 'node:http';
import { buildSchema, graphql, parse, print } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { ask, portOf } from './ask.cjs';

const schema = buildSchema(
  'type Item { id: ID!, tags(first: Int = 1): [String!]! } type Query { item(id: ID!): Item, boom: Int } type Mutation { add(n: Int!): Int! }',
);
const rootValue = {
  item: ({ id }) => ({ id, tags: ({ first }) => ['a', 'b'].slice(0, first) }),
  boom: () => {
    throw new Error('boom');
  },
  add: ({ n }) => n + 1,
};
console.log(
  JSON.stringify(
    await graphql({
      schema,
      rootValue,
      source: 'query Q($id: ID!) { item(id: $id) { id tags(first: 2) } boom }',
      variableValues: { id: 7 },
    }),
  ),
);
console.log(
  JSON.stringify(await graphql({ schema, source: '{ nope }' })),
  print(parse('{a(b:1){...f}} fragment f on T{c}')),
);
const server = http.createServer(createHandler({ schema, rootValue })).listen(0, '127.0.0.1');
const port = await portOf(server);
await ask(port, 'POST', '/', {
  headers: { 'content-type': 'application/json' },
  body: '{"query":"mutation { add(n: 1) }"}',
});
await ask(port, 'GET', `/?query=${encodeURIComponent('{ item(id: 1) { id } }')}`);
server.close();
