const DataLoader = require('dataloader');

const loader = new DataLoader(async (keys) => {
  console.log('batch', keys);
  return keys.map((key) => (key === 'x' ? new Error('no x') : key.toUpperCase()));
});
Promise.all([loader.load('a'), loader.load('b'), loader.load('a')]).then(async (values) => {
  console.log(
    values,
    (await loader.load('x').catch((error) => error)).message,
    await loader.loadMany(['a', 'c']),
  );
});
