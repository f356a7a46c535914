const Datastore = require('@seald-io/nedb');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

(async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nedb-'));
  const filename = path.join(directory, 'data.db');
  const db = new Datastore({ filename, autoload: true });
  await db.ensureIndexAsync({ fieldName: 'name', unique: true });
  await db.insertAsync([
    { _id: '1', name: 'ada', born: new Date(0), n: 1 },
    { _id: '2', name: 'bob', n: 2 },
    { _id: '3', name: 'cy', n: 3 },
  ]);
  console.log(
    await db
      .findAsync({ n: { $gt: 1 } })
      .sort({ n: -1 })
      .projection({ _id: 0 }),
  );
  console.log(
    await db.updateAsync(
      { name: /^b/ },
      { $inc: { n: 10 }, $set: { 'deep.x': 1 } },
      { returnUpdatedDocs: true },
    ),
  );
  console.log(
    (await db.insertAsync({ name: 'ada' }).catch((error) => error)).errorType,
    await db.removeAsync({ _id: '3' }),
    await db.countAsync({}),
  );
  await db.compactDatafileAsync();
  console.log(fs.readFileSync(filename, 'utf8').split('\n').sort());
  const again = new Datastore({ filename });
  await again.loadDatabaseAsync();
  console.log(await again.findOneAsync({ name: 'ada' }), fs.readdirSync(directory));
  fs.rmSync(directory, { recursive: true });
})();
