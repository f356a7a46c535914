const superagent = require('superagent');
const { target } = require('./target.cjs');

target().then(async ({ url, stop }) => {
  console.log((await superagent.get(`${url}/json`).query({ a: 1 }).set('x-a', 'b')).body);
  console.log((await superagent.post(`${url}/json`).send({ a: 1 })).body);
  console.log((await superagent.post(`${url}/json`).type('form').send({ a: 1 })).body);
  const posted = (
    await superagent
      .post(`${url}/json`)
      .field('a', 'b')
      .attach('file', Buffer.from('text'), 'x.txt')
  ).body;
  console.log(posted.type, posted.body.includes('filename="x.txt"'));
  console.log(
    (await superagent.get(`${url}/gzip`)).text,
    (await superagent.get(`${url}/redirect`)).redirects.length,
  );
  const refused = await superagent.get(`${url}/status?code=404`).catch((error) => error);
  console.log(refused.status, refused.message, refused.response.body);
  const late = await superagent
    .get(`${url}/slow`)
    .timeout(20)
    .catch((error) => error);
  console.log(late.code, late.timeout);
  stop();
});
