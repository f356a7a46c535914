import yargs from 'yargs';

const parsed = await yargs(['serve', '--port', '80', '-v', '--list', 'a', 'b'])
  .scriptName('tool')
  .command('serve', 'serves', (command) =>
    command.option('port', { type: 'number', demandOption: true }),
  )
  .option('list', { type: 'array' })
  .option('v', { type: 'boolean', alias: 'verbose' })
  .help(false)
  .version(false)
  .parseAsync();
console.log(parsed);
console.log(
  await yargs([])
    .scriptName('tool')
    .option('x', { describe: 'an x', default: 3 })
    .wrap(80)
    .getHelp(),
);
