/** Does what a line says and prints what came of it, for people or as JSON; remembers watches. */

import { unreachable } from '../../base/assert.ts';
import { EXIT, HvError } from '../../base/errors.ts';
import { checkName } from '../../host/guest-name.ts';
import type { InspectRequest, InspectResult, LogFacts, Target } from '../../host/inspect-words.ts';
import { data, explain, guestText, say } from '../print.ts';
import { shellWord } from '../shell-word.ts';
import type { InspectClient } from './client.ts';
import { isFine, resultJson } from './json.ts';
import { type Line, parseLine } from './parse.ts';
import {
  endingLine,
  factsLine,
  helpLines,
  placeLine,
  resultLines,
  variableLines,
} from './words.ts';

/** `status`: what a script would exit with. `stop`: nothing after it may run. */
export interface LineEnd {
  readonly status: number;
  readonly stop: boolean;
}

export interface ShellOptions {
  /** Of the log, as given. */
  readonly path: string;
  readonly json: boolean;
  /** A person types: errors do not end it, and the log is introduced. */
  readonly interactive: boolean;
}

const FINE: LineEnd = { status: EXIT.ok, stop: false };
const FAILED: LineEnd = { status: EXIT.failed, stop: false };
/** Moves that take longer than this are announced. */
const PATIENCE_MS = 1_000;

export class InspectShell {
  readonly #client: InspectClient;
  readonly #facts: LogFacts;
  readonly #options: ShellOptions;
  /** Expression to what it was when it was last shown. */
  readonly #watches = new Map<string, string>();

  constructor(client: InspectClient, facts: LogFacts, options: ShellOptions) {
    this.#client = client;
    this.#facts = facts;
    this.#options = options;
  }

  /** Goes to where the session begins. */
  async begin(target: Target): Promise<LineEnd> {
    const ending = endingLine(this.#facts);
    if (ending !== undefined) say(ending);
    const impatient = setTimeout(() => {
      if (this.#options.interactive) say('replaying the log up to there; ctrl-C stops on the way');
    }, PATIENCE_MS);
    try {
      const result = await this.#client.ask({ type: 'goto', target });
      if (this.#options.interactive)
        data(`${factsLine(this.#facts)}. At ${placeLine(this.#client.place)}`);
      return await this.#afterMove(result);
    } catch (error) {
      return this.#refused('', error);
    } finally {
      clearTimeout(impatient);
    }
  }

  async line(text: string): Promise<LineEnd> {
    try {
      return await this.#do(text.trim(), parseLine(text));
    } catch (error) {
      return this.#refused(text.trim(), error);
    }
  }

  async #do(text: string, line: Line): Promise<LineEnd> {
    switch (line.type) {
      case 'empty':
        return FINE;
      case 'exit':
        return { ...FINE, stop: true };
      case 'help':
        return this.#print(helpLines());
      case 'request':
        return this.#ask(text, line.request);
      case 'variables':
        return this.#variables(text, line.pattern);
      case 'diff': {
        const { place } = this.#client;
        const { from, to = { type: 'lsn', lsn: place.lsn } } = line;
        return this.#ask(text, { type: 'diff', from, to });
      }
      case 'watch':
        return this.#watch(text, line.expression);
      case 'unwatch':
        return this.#unwatch(line.expression);
      case 'fork': {
        const { lsn } = this.#client.place;
        const path = shellWord(this.#options.path);
        return this.#print([`hv fork ${path} --at ${lsn} --name ${checkName(line.name)}`]);
      }
      default:
        return unreachable(line);
    }
  }

  async #ask(text: string, request: InspectRequest): Promise<LineEnd> {
    const result = await this.#client.ask(request);
    if (this.#options.json) data(JSON.stringify(this.#json(text, result)));
    else if (result.type === 'evaluated' && !result.result.ok) guestText(result.result.error);
    else data(resultLines(result, this.#client.place).join('\n'));
    if (result.type === 'moved' || result.type === 'found') return this.#afterMove(result);
    return result.type === 'evaluated' && !isFine(result) ? FAILED : FINE;
  }

  /** Watches, and the report of a divergence that was met. */
  async #afterMove(result: InspectResult): Promise<LineEnd> {
    if ('end' in result && result.end === 'diverged') {
      const info = await this.#client.ask({ type: 'info' });
      const report = info.type === 'info' ? info.facts.divergence?.report : undefined;
      say(`${report ?? 'DIVERGED'}   [HV_E_DIVERGED]`);
      return { status: EXIT.diverged, stop: !this.#options.interactive };
    }
    for (const [expression, shown] of this.#watches) await this.#show(expression, shown);
    return isFine(result) ? FINE : FAILED;
  }

  async #watch(text: string, expression: string): Promise<LineEnd> {
    if (expression === '') return this.#print([...this.#watches.keys()]);
    const result = await this.#client.ask({ type: 'evaluate', expression });
    if (result.type === 'evaluated' && !result.result.ok && result.result.kind === 'syntax')
      return this.#ask(text, { type: 'evaluate', expression });
    await this.#show(expression, undefined);
    return FINE;
  }

  #unwatch(expression: string): LineEnd {
    if (expression === '') this.#watches.clear();
    else if (!this.#watches.delete(expression))
      throw new HvError('HV_E_USAGE', `'${expression}' is not watched; .watch lists what is`);
    return FINE;
  }

  /** Prints a watched expression when it is not what was shown. */
  async #show(expression: string, shown: string | undefined): Promise<void> {
    const result = await this.#client.ask({ type: 'evaluate', expression });
    if (result.type !== 'evaluated') return;
    const now = result.result.ok ? result.result.text : result.result.error;
    this.#watches.set(expression, now);
    if (now === shown) return;
    if (this.#options.json) data(JSON.stringify(this.#json(`.watch ${expression}`, result)));
    else data(`${expression}: ${now}`);
  }

  async #variables(text: string, pattern: string): Promise<LineEnd> {
    const result = await this.#client.ask({ type: 'variables' });
    if (result.type !== 'variables') return FAILED;
    if (!this.#options.json) return this.#print(variableLines(result.variables, pattern));
    const variables = result.variables.filter(({ name, file, owner }) =>
      [name, file, owner].some((one) => one.toLowerCase().includes(pattern.toLowerCase())),
    );
    data(JSON.stringify(this.#json(text, { ...result, variables })));
    return FINE;
  }

  #json(command: string, result: InspectResult): unknown {
    const { startedAt } = this.#facts.header;
    return resultJson(command, result, { place: this.#client.place, startedAt });
  }

  #print(lines: readonly string[]): LineEnd {
    if (this.#options.json) data(JSON.stringify({ ok: true, lsn: this.#client.place.lsn, lines }));
    else if (lines.length > 0) data(lines.join('\n'));
    return FINE;
  }

  #refused(command: string, error: unknown): LineEnd {
    if (!(error instanceof HvError)) throw error;
    const { code, message, details, exitStatus } = error;
    const { interactive, json } = this.#options;
    if (json) data(JSON.stringify({ command, ok: false, error: { code, message, details } }));
    else if (interactive) say(`${message}   [${code}]`);
    else explain(error);
    return { status: exitStatus, stop: !interactive };
  }
}
