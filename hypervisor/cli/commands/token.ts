/** `hv token new|id`: the shared secret by which replicas know each other. */

import type { Command } from 'commander';

interface JsonOption {
  readonly json?: true;
}

export function registerToken(program: Command): void {
  const token = program
    .command('token')
    .description('make and compare tokens, by which replicas know each other (--token-file)');
  token
    .command('new')
    .description('make a token: in a new file of mode 0600, or on standard output')
    .argument('[file]', 'where to write it')
    .option('--json', 'print JSON')
    .action(async (file: string | undefined, options: JsonOption) => {
      const { makeToken } = await import('../token-process.ts');
      makeToken(file, { json: options.json === true });
    });
  token
    .command('id')
    .description('print what identifies each token of a file, without giving it away')
    .argument('<file>', 'a token file')
    .option('--json', 'print JSON')
    .action(async (file: string, options: JsonOption) => {
      const { printTokenIds } = await import('../token-process.ts');
      printTokenIds(file, { json: options.json === true });
    });
}
