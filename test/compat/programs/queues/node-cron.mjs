import cron from 'node-cron';

console.log(cron.validate('*/5 * * * *'), cron.validate('61 * * * *'));
let ticks = 0;
const task = cron.schedule('* * * * * *', async () => {
  if (++ticks < 2) return;
  console.log('ticked', ticks);
  await task.stop();
  await task.destroy();
});
