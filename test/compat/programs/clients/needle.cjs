const needle = require('needle');
const { target } = require('./target.cjs');

target().then(async ({ url, stop }) => {
  console.log((await needle('get', `${url}/json?a=1`, { headers: { 'x-a': 'b' } })).body);
  console.log((await needle('post', `${url}/json`, { a: 1 }, { json: true })).body);
  console.log(
    (await needle('get', `${url}/gzip`, { compressed: true })).body,
    (await needle('get', `${url}/redirect`, { follow_max: 1 })).body.url,
  );
  stop();
});
