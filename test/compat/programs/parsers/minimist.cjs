const minimist = require('minimist');
const { Command } = require('commander');
const chalk = require('chalk');
const colors = require('picocolors');

console.log(
  minimist(['-abc', '--x=1', '--no-y', '--', 'rest', '-z'], { boolean: ['a'], string: ['x'] }),
);
const program = new Command()
  .name('tool')
  .exitOverride()
  .configureOutput({
    writeOut: (text) => console.log(text),
    writeErr: (text) => console.log(text),
  });
program
  .option('-p, --port <n>', 'the port', Number, 80)
  .argument('<file>')
  .action((file, options) => console.log(file, options));
program
  .command('sub')
  .description('a sub command')
  .option('--on')
  .action((options) => console.log('sub', options));
program.parse(['node', 'tool', 'sub', '--on']);
try {
  program.parse(['node', 'tool', '--nope']);
} catch (error) {
  console.log(error.code);
}
program.outputHelp();
console.log(
  JSON.stringify(new chalk.Chalk({ level: 1 }).red.bold('r')),
  JSON.stringify(colors.createColors(true).green('g')),
);
