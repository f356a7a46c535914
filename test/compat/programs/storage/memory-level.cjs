const { MemoryLevel } = require('memory-level');

(async () => {
  const db = new MemoryLevel({ valueEncoding: 'json' });
  await db.open();
  await db.batch([
    { type: 'put', key: 'b', value: { n: 2 } },
    { type: 'put', key: 'a', value: { n: 1 } },
  ]);
  await db.put('c', [3]);
  console.log(
    await db.get('a'),
    await db.get('x'),
    await db.keys().all(),
    await db.values({ gt: 'a', reverse: true }).all(),
  );
  for await (const [key, value] of db.iterator({ limit: 2 })) console.log(key, value);
  const sub = db.sublevel('s', { valueEncoding: 'utf8' });
  await sub.put('k', 'v');
  console.log(await sub.get('k'), await db.keys().all());
  await db.del('a');
  await db.clear({ lt: 'c' });
  console.log(await db.keys().all());
  await db.close();
})();
