setTimeout(() => console.log('never'), 1000).unref();
setInterval(() => {}, 1000).unref();
const s = require('net')
  .createServer()
  .listen(0, () => {
    s.unref();
    console.log('done');
  });
