/** `hv help [CODE]`: the usage, or what an error code means and what to do. */

import type { Command } from 'commander';
import { CATALOGUE, HvError, type HvErrorCode } from '../../base/errors.ts';
import { data } from '../print.ts';

export function registerExplain(program: Command): void {
  program
    .command('help')
    .description('show this help, or explain an error code')
    .argument('[code]', 'an error code such as HV_E_FENCED, or a command')
    .action((topic: string | undefined) => {
      data(explanation(program, topic));
    });
}

function explanation(program: Command, topic: string | undefined): string {
  if (topic === undefined) return program.helpInformation().trimEnd();
  const command = program.commands.find((one) => one.name() === topic);
  if (command !== undefined) return command.helpInformation().trimEnd();
  if (!Object.hasOwn(CATALOGUE, topic))
    throw new HvError('HV_E_USAGE', `no error code or command named '${topic}'`);
  const row = CATALOGUE[topic as HvErrorCode];
  return `${topic} (exit status ${row.exit})\n  ${row.means}\n  ${row.fix}`;
}
