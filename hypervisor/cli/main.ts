/**
 * `hv`: parses the command line and hands over to one command. Implementations are imported when
 * their command runs, so that `hv --help` loads no engine.
 */

import { Command, CommanderError } from 'commander';
import { EXIT } from '../base/errors.ts';
import { GuestLoadError } from '../host/guest-load-error.ts';
import { HV_VERSION } from '../host/version.ts';
import { registerArbiter } from './commands/arbiter.ts';
import { registerBackup } from './commands/backup.ts';
import { registerCert } from './commands/cert.ts';
import { registerConfig } from './commands/config.ts';
import { registerDemo } from './commands/demo.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerDrill } from './commands/drill.ts';
import { registerExplain } from './commands/explain.ts';
import { registerFork } from './commands/fork.ts';
import { registerInspect } from './commands/inspect.ts';
import { registerLog } from './commands/log.ts';
import { registerPromote } from './commands/promote.ts';
import { registerProtect } from './commands/protect.ts';
import { registerReplay } from './commands/replay.ts';
import { registerRun } from './commands/run.ts';
import { registerStatus } from './commands/status.ts';
import { registerSwitchover } from './commands/switchover.ts';
import { registerToken } from './commands/token.ts';
import { registerTop } from './commands/top.ts';
import { registerUp } from './commands/up.ts';
import { useKeyOptions } from './key-options.ts';
import { explain, guestText } from './print.ts';

function buildProgram(): Command {
  const program = new Command('hv')
    .description('Fault tolerance and time travel for any JavaScript server')
    .version(HV_VERSION, '-V, --version')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`hv: ${text.replace(/^error: /, '')}`) })
    .helpCommand(false);
  registerRun(program);
  registerBackup(program);
  registerArbiter(program);
  registerUp(program);
  registerConfig(program);
  registerDoctor(program);
  registerReplay(program);
  registerInspect(program);
  registerFork(program);
  registerLog(program);
  registerPromote(program);
  registerStatus(program);
  registerTop(program);
  registerSwitchover(program);
  registerProtect(program);
  registerDrill(program);
  registerToken(program);
  registerCert(program);
  registerDemo(program);
  registerExplain(program);
  program.hook('preAction', (_program, command) => useKeyOptions(command));
  for (const command of program.commands) overrideExit(command);
  return program;
}

function overrideExit(command: Command): void {
  command.exitOverride().configureOutput(command.parent?.configureOutput() ?? {});
  for (const child of command.commands) overrideExit(child);
}

async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
    if (error instanceof GuestLoadError) {
      guestText(error.text);
      process.exit(error.exitCode);
    }
    process.exit(explain(error));
  }
}

void main();
