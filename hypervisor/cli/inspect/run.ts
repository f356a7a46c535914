/** `hv inspect`: opens the log, goes to where the user wants to begin, then serves lines. */

import { createInterface } from 'node:readline';
import { EXIT } from '../../base/errors.ts';
import type { Target } from '../../host/inspect-words.ts';
import { InspectClient } from './client.ts';
import { InspectShell, type LineEnd } from './shell.ts';
import { serveTerminal } from './terminal.ts';

export interface InspectOptions {
  readonly at: Target;
  /** Lines to run in place of a terminal or standard input. */
  readonly lines: readonly string[];
  readonly json: boolean;
}

/** Returns the exit status. Throws what opening a log throws. */
export async function inspectLog(path: string, options: InspectOptions): Promise<number> {
  const { at, lines, json } = options;
  const interactive = lines.length === 0 && process.stdin.isTTY === true;
  const { client, facts } = await InspectClient.open(path);
  const onInterrupt = (): void => client.interrupt();
  if (interactive) process.on('SIGINT', onInterrupt);
  try {
    const shell = new InspectShell(client, facts, { path, json, interactive });
    const begun = await shell.begin(at);
    if (interactive) {
      await serveTerminal(client, shell);
      return EXIT.ok;
    }
    if (begun.stop) return begun.status;
    const source = lines.length > 0 ? lines : createInterface({ input: process.stdin });
    return await runScript(shell, source);
  } finally {
    process.off('SIGINT', onInterrupt);
    await client.close();
  }
}

/** The status of the line that ended it, else the first one that is not 0. */
async function runScript(
  shell: InspectShell,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  let status: number = EXIT.ok;
  for await (const line of lines) {
    const end: LineEnd = await shell.line(line);
    if (end.stop) return end.status === EXIT.ok ? status : end.status;
    if (status === EXIT.ok) status = end.status;
  }
  return status;
}
