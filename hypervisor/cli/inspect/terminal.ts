/** The REPL on a terminal: prompt, history, completion, ctrl-C. */

import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { say } from '../print.ts';
import type { InspectClient } from './client.ts';
import { COMMANDS } from './parse.ts';
import type { InspectShell } from './shell.ts';
import { promptOf } from './words.ts';

const HISTORY_LINES_MAX = 1_000;

/** Serves the terminal until its user leaves. */
export async function serveTerminal(client: InspectClient, shell: InspectShell): Promise<void> {
  const history = readHistory();
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    history,
    historySize: HISTORY_LINES_MAX,
    removeHistoryDuplicates: true,
    completer: (line: string, done: (error: null, found: [string[], string]) => void) => {
      complete(client, line).then((found) => done(null, found));
    },
  });
  let entries: readonly string[] = history;
  terminal.on('history', (all: string[]) => {
    entries = [...all];
  });
  terminal.on('SIGINT', () => interrupted(client, terminal));
  await serve(client, shell, terminal);
  writeHistory(entries);
}

/** Lines are taken one after the other, also those typed while one is at work. */
function serve(client: InspectClient, shell: InspectShell, terminal: Interface): Promise<void> {
  return new Promise((resolve, reject) => {
    let work: Promise<void> = Promise.resolve();
    const prompt = (): void => {
      terminal.setPrompt(promptOf(client.place));
      terminal.prompt();
    };
    let isOver = false;
    terminal.on('line', (line) => {
      work = work
        .then(async () => {
          if (isOver) return;
          const { stop } = await shell.line(line);
          isOver = stop;
          if (stop) terminal.close();
          else prompt();
        })
        .catch(reject);
    });
    terminal.once('close', () => {
      client.interrupt();
      work.then(resolve, reject);
    });
    prompt();
  });
}

function interrupted(client: InspectClient, terminal: Interface): void {
  if (client.isBusy) {
    client.interrupt();
    return;
  }
  if (terminal.line === '') say('ctrl-D or .exit leaves');
  // Takes back what was typed.
  terminal.write(null, { ctrl: true, name: 'e' });
  terminal.write(null, { ctrl: true, name: 'u' });
  terminal.prompt();
}

/** What the end of the line may become, and that end. */
async function complete(client: InspectClient, line: string): Promise<[string[], string]> {
  if (/^\.[a-z]*$/.test(line))
    return [Object.keys(COMMANDS).filter((name) => name.startsWith(line)), line];
  if (client.isBusy) return [[], line];
  const result = await client.ask({ type: 'complete', prefix: line });
  if (result.type !== 'completions') return [[], line];
  const found = [...result.completions];
  const [first = ''] = found;
  let length = Math.min(first.length, line.length);
  while (length > 0 && !first.startsWith(line.slice(line.length - length))) length--;
  return [found, line.slice(line.length - length)];
}

function historyFile(): string {
  const named = process.env.HV_HISTORY;
  return named === undefined || named === '' ? join(homedir(), '.hv_history') : named;
}

/** Newest first, as readline wants it. */
function readHistory(): string[] {
  try {
    const lines = readFileSync(historyFile(), 'utf8').split('\n');
    return lines.filter((line) => line !== '').reverse();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}

function writeHistory(entries: readonly string[]): void {
  const text = [...entries].reverse().join('\n');
  try {
    writeFileSync(historyFile(), `${text}\n`, { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    say(`the history cannot be written: ${error.message}`);
  }
}
