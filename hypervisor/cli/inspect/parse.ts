/** A line typed into `hv inspect`: a command with a dot, or an expression of the guest's language. */

import { INTERRUPT } from '../../../log-format/index.ts';
import { HvError } from '../../base/errors.ts';
import type { InspectRequest, Target } from '../../host/inspect-words.ts';

export type Line =
  | { readonly type: 'empty' | 'help' | 'exit' }
  | { readonly type: 'request'; readonly request: InspectRequest }
  | { readonly type: 'variables'; readonly pattern: string }
  /** `from` to `to`; undefined: the place where we are. */
  | { readonly type: 'diff'; readonly from: Target; readonly to: Target | undefined }
  | { readonly type: 'watch' | 'unwatch'; readonly expression: string }
  | { readonly type: 'fork'; readonly name: string };

interface CommandHelp {
  readonly usage: string;
  readonly says: string;
}

export const COMMANDS: Readonly<Record<string, CommandHelp>> = {
  '.goto': { usage: '<position>', says: 'go to a position' },
  '.step': { usage: '[n]', says: 'n turns forward' },
  '.next': { usage: '[kind | conn N]', says: 'to the next such turn; without: to the next check' },
  '.back': { usage: '[n]', says: 'n turns back' },
  '.find': {
    usage: '[--every] <expression>',
    says: 'to the first position where it is true; --every looks behind every turn',
  },
  '.watch': { usage: '[expression]', says: 'show it after every move when it has changed' },
  '.unwatch': { usage: '[expression]', says: 'stop that, for one or all' },
  '.diff': { usage: '<position> [position]', says: "what differs in the guest's state" },
  '.out': { usage: '[n]', says: 'outputs of this turn, or the last n' },
  '.packets': { usage: '[n]', says: 'the last n network records and outputs, 10 if not said' },
  '.vars': { usage: '[pattern]', says: "variables of the guest's files" },
  '.info': { usage: '', says: 'the log, and how far it was verified here' },
  '.fork': { usage: '<name>', says: 'the command that runs on from here' },
  '.help': { usage: '', says: 'this list' },
  '.exit': { usage: '', says: 'leave, as ctrl-D does' },
};

export const POSITION_HELP =
  'a position is an lsn (4320), a place inside a turn (4320:123456 in ticks since the boot, 4320:+100 since its start), a time (+3.2s), a share (50%), start or end';

const PACKETS_DEFAULT = 10;
const COUNT_MAX = 1_000_000;

function usage(text: string): HvError {
  return new HvError('HV_E_USAGE', text);
}

/** Throws HV_E_USAGE. */
export function parsePosition(text: string): Target {
  if (text === 'start' || text === 'end') return { type: text };
  const [, lsn, plus, ticks] = /^([\d,]+)(?::(\+?)([\d,]+))?$/.exec(text) ?? [];
  if (lsn !== undefined) {
    if (ticks === undefined) return { type: 'lsn', lsn: whole(lsn) };
    return { type: 'tick', lsn: whole(lsn), ticks: whole(ticks), relative: plus === '+' };
  }
  const [, time, unit = ''] = /^\+?(\d+(?:\.\d+)?)(s|ms|us)$/.exec(text) ?? [];
  if (time !== undefined) {
    const micros = { s: 1e6, ms: 1e3, us: 1 }[unit] ?? 1;
    return { type: 'time', micros: Number(time) * micros };
  }
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (percent !== undefined && Number(percent) <= 100)
    return { type: 'fraction', fraction: Number(percent) / 100 };
  throw usage(`'${text}' is no position: ${POSITION_HELP}`);
}

function whole(text: string): number {
  return Number(text.replaceAll(',', ''));
}

/** Throws HV_E_USAGE for a command that does not exist, or with wrong arguments. */
export function parseLine(line: string): Line {
  const text = line.trim();
  if (text === '') return { type: 'empty' };
  if (!/^\.[a-z]/.test(text)) return request({ type: 'evaluate', expression: text });
  const [, command = '', rest = ''] = /^(\.[a-z]+)\s*(.*)$/su.exec(text) ?? [];
  if (!Object.hasOwn(COMMANDS, command))
    throw usage(`there is no command ${command}${suggestion(command)}; .help lists them`);
  return parseCommand(command, rest);
}

function request(one: InspectRequest): Line {
  return { type: 'request', request: one };
}

function parseCommand(command: string, rest: string): Line {
  switch (command) {
    case '.goto':
      return request({ type: 'goto', target: parsePosition(needed(command, rest)) });
    case '.step':
      return request({ type: 'step', count: count(command, rest) ?? 1 });
    case '.back':
      return request({ type: 'back', count: count(command, rest) ?? 1 });
    case '.next':
      return request({ type: 'next', ...parseFilter(rest) });
    case '.find':
      return parseFind(rest);
    case '.out':
      return request({ type: 'outputs', count: count(command, rest) });
    case '.packets':
      return request({ type: 'packets', count: count(command, rest) ?? PACKETS_DEFAULT });
    case '.vars':
      return { type: 'variables', pattern: rest };
    case '.info':
      return request({ type: 'info' });
    case '.diff':
      return parseDiff(rest);
    case '.watch':
      return { type: 'watch', expression: rest };
    case '.unwatch':
      return { type: 'unwatch', expression: rest };
    case '.fork':
      return { type: 'fork', name: needed(command, rest) };
    default:
      return { type: command === '.exit' ? 'exit' : 'help' };
  }
}

function parseFind(rest: string): Line {
  const [, every, expression = ''] = /^(--every\s+)?(.*)$/su.exec(rest) ?? [];
  needed('.find', expression);
  return request({ type: 'find', expression, every: every !== undefined });
}

function parseDiff(rest: string): Line {
  const [from = '', to, more] = rest.split(/\s+/);
  if (more !== undefined) throw wrong('.diff');
  const first = parsePosition(needed('.diff', from));
  return { type: 'diff', from: first, to: to === undefined ? undefined : parsePosition(to) };
}

function parseFilter(rest: string): { kind: number | undefined; connection: number | undefined } {
  const [, connection] = /^conn\s+(\d+)$/.exec(rest) ?? [];
  if (connection !== undefined) return { kind: undefined, connection: Number(connection) };
  if (rest === '') return { kind: undefined, connection: undefined };
  const kind = Object.entries(INTERRUPT).find(([name]) => name === rest)?.[1];
  if (kind !== undefined) return { kind, connection: undefined };
  const kinds = Object.keys(INTERRUPT).join(', ');
  throw usage(`'${rest}' is no kind of turn; there are ${kinds}, and conn N for a connection`);
}

function count(command: string, rest: string): number | undefined {
  if (rest === '') return undefined;
  const value = whole(rest);
  if (!/^[\d,]+$/.test(rest) || value < 1 || value > COUNT_MAX) throw wrong(command);
  return value;
}

function needed(command: string, rest: string): string {
  if (rest === '') throw wrong(command);
  return rest;
}

function wrong(command: string): HvError {
  return usage(`usage: ${command} ${COMMANDS[command]?.usage ?? ''}`);
}

function suggestion(command: string): string {
  const near = Object.keys(COMMANDS).find((name) => name.startsWith(command.slice(0, 3)));
  return near === undefined ? '' : `, but ${near}`;
}
