/** Results of `hv inspect` as people read them: lines without a final newline. */

import { unreachable } from '../../base/assert.ts';
import type {
  InspectResult,
  LogFacts,
  Packet,
  Place,
  ShownOutput,
} from '../../host/inspect-words.ts';
import type { ListedVariable } from '../../machine/inspector.ts';
import type { Output } from '../../ports.ts';
import {
  counted,
  grouped,
  idText,
  kindOf,
  payloadText,
  recordText,
} from '../../timeline/record-words.ts';
import type { TreeChange } from '../../timeline/tree-diff.ts';
import { COMMANDS, POSITION_HELP } from './parse.ts';

const VALUE_CHARACTERS = 100;
const COLUMN = 34;

export function promptOf({ lsn, ticks }: Place): string {
  return ticks === undefined ? `${lsn}> ` : `${lsn}:${ticks}> `;
}

function seconds(micros: number): string {
  return `+${(micros / 1e6).toFixed(6)}s`;
}

/** Where we are, on one line. */
export function placeLine(place: Place): string {
  const { lsn, ticks, record, turn, halted } = place;
  const end = lsn === place.end ? ' (end)' : '';
  if (record === undefined || turn === undefined)
    return `lsn ${lsn}${end}: ${record === undefined ? 'nothing has run' : recordLine(record)}`;
  const at = ticks === undefined ? `lsn ${lsn}` : `lsn ${lsn} at tick ${ticks}`;
  const what =
    turn.lsn === lsn
      ? recordLine(record)
      : `${kindOf(record)}, after the turn at lsn ${turn.lsn}: ${recordLine(turn.record)}`;
  const ended =
    halted === undefined ? '' : `\nthe guest has ended: status ${halted.code} (${halted.reason})`;
  return `${at}${end} ${seconds(place.micros)}: ${what}${ended}`;
}

function recordLine(record: NonNullable<Place['record']>): string {
  return [kindOf(record), idText(record), recordText(record)]
    .filter((part) => part !== '')
    .join(' ');
}

/** The first line of all, as `server: 10,691 records, 10.4 s, epoch 1`. */
export function factsLine(facts: LogFacts): string {
  const { header, records, micros, epoch, segments } = facts;
  const parts = [
    counted(records, 'record'),
    `${(micros / 1e6).toFixed(1)} s`,
    `epoch ${epoch}`,
    ...(segments > 1 ? [counted(segments, 'segment')] : []),
  ];
  return `${header.script}: ${parts.join(', ')}`;
}

/** What is not as it should be with the log; undefined when all is well. */
export function endingLine({ ending, lastLsn }: LogFacts): string | undefined {
  switch (ending.type) {
    case 'sealed':
      return undefined;
    case 'open': {
      const torn = ending.tornBytes > 0 ? `, then ${counted(ending.tornBytes, 'torn byte')}` : '';
      return `the log is not sealed (its process was killed, or still writes): it ends behind record ${lastLsn}${torn}`;
    }
    case 'damaged':
      return `${ending.message}; everything up to lsn ${lastLsn} can be used`;
    default:
      return unreachable(ending);
  }
}

function infoLines(facts: LogFacts): string[] {
  const { header } = facts;
  const rows: readonly (readonly [string, string])[] = [
    ['script', header.script],
    ['recorded by', `hv ${header.hvVersion}, machine version ${header.machineVersion}`],
    ['started at', new Date(header.startedAt / 1000).toISOString()],
    ['records', `${grouped(facts.records)} (lsn ${facts.firstLsn} to ${facts.lastLsn})`],
    ['lasted', `${(facts.micros / 1e6).toFixed(6)} s`],
    ['batches', `${grouped(facts.batches)} in ${counted(facts.segments, 'segment')}`],
    ['bytes', grouped(facts.bytes)],
    ['verified', `checks up to lsn ${facts.verified} were compared here and agree`],
    ['checkpoints', `${facts.checkpoints} in memory`],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(13)}${value}`);
  const ending = endingLine(facts);
  if (ending !== undefined) lines.push(ending);
  if (facts.divergence !== undefined) lines.push(facts.divergence.report);
  return lines;
}

export function outputText(output: Output): string {
  switch (output.device) {
    case 'console':
      return `${output.fd === 1 ? 'stdout' : 'stderr'} ${payloadText(output.bytes)}`;
    case 'exit':
      return `exit ${output.code}`;
    case 'stdin':
      return `stdin ${output.on ? 'on' : 'off'}`;
    case 'signal':
      return `signal ${output.number} ${output.on ? 'on' : 'off'}`;
    case 'commit':
      return `commit #${output.id} ${output.level}`;
    case 'net':
      return netText(output);
    case 'mount': {
      const { number, act, path, at, bytes } = output;
      const where = act === 'write' || act === 'resize' ? ` at ${at}` : '';
      return `mount #${number} ${act} ${path.replace('\0', ' to ')}${where} ${payloadText(bytes)}`.trim();
    }
    default:
      return unreachable(output);
  }
}

function netText(output: Extract<Output, { device: 'net' }>): string {
  const head = `${output.op} #${output.id}`;
  switch (output.op) {
    case 'write':
      return `${head} at ${output.offset} ${payloadText(output.bytes)}`;
    case 'listen':
    case 'connect':
      return `${head} ${output.host}:${output.port}`;
    case 'consumed':
      return `${head} ${counted(output.bytes, 'byte')}`;
    case 'destroy':
      return output.reset ? `${head} with a reset` : head;
    case 'option':
      return `${head} ${output.option} = ${output.value}`;
    case 'unlisten':
    case 'end':
      return head;
    default:
      return unreachable(output);
  }
}

function outputLine({ turn, output }: ShownOutput): string {
  return `${String(turn).padStart(8)}  ${outputText(output)}`;
}

function packetLine(packet: Packet): string {
  const lsn = String(packet.lsn).padStart(8);
  if (packet.direction === 'in') return `${lsn} ->  ${recordLine(packet.record)}`;
  return `${lsn} <-  ${outputText(packet.output)}`;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > VALUE_CHARACTERS ? `${text.slice(0, VALUE_CHARACTERS)}…` : text;
}

function changeLine(change: TreeChange): string {
  switch (change.kind) {
    case 'changed':
      return `${change.path}: ${short(change.old)} -> ${short(change.new)}`;
    case 'added':
      return `${change.path}: added ${short(change.new)}`;
    case 'removed':
      return `${change.path}: removed ${short(change.old)}`;
    default:
      return unreachable(change);
  }
}

export function variableLines(variables: readonly ListedVariable[], pattern: string): string[] {
  const wanted = pattern.toLowerCase();
  const fitting = variables.filter(({ name, file, owner }) =>
    [name, file, owner].some((text) => text.toLowerCase().includes(wanted)),
  );
  if (fitting.length === 0)
    return [
      pattern === ''
        ? 'no variables'
        : `no variable, file or function has '${pattern}' in its name`,
    ];
  return fitting.map(({ name, file, owner, preview }) => {
    const where = owner === '' ? file : `${file} ${owner}`;
    return `${name.padEnd(16)} ${where.padEnd(COLUMN)} ${preview}`;
  });
}

function foundLines(result: Extract<InspectResult, { type: 'found' }>, place: Place): string[] {
  const looks = counted(result.looks, 'look');
  if (result.lsn !== undefined) return [placeLine(place), `found with ${looks}`];
  if (result.end !== 'arrived') return [`the search was ended after ${looks}: ${result.end}`];
  if (result.error !== undefined)
    return [`it could not be evaluated anywhere; the last time: ${result.error}`];
  return [`it is nowhere true, in ${looks}`];
}

/** `diverged` is told apart by who prints: its report is no data. */
export function resultLines(result: InspectResult, place: Place): readonly string[] {
  switch (result.type) {
    case 'info':
      return infoLines(result.facts);
    case 'moved':
      if (result.end === 'none') return [`nothing further that way; still at lsn ${place.lsn}`];
      return [...(result.end === 'interrupted' ? ['interrupted'] : []), placeLine(place)];
    case 'evaluated':
      return result.result.ok ? [result.result.text] : [result.result.error];
    case 'found':
      return foundLines(result, place);
    case 'diff':
      if (result.changes.length === 0)
        return [`no difference between ${result.from} and ${result.to}`];
      return [
        ...result.changes.map(changeLine),
        ...(result.cut ? ['and more, which are not shown'] : []),
      ];
    case 'outputs':
      return result.outputs.length === 0 ? ['no outputs'] : result.outputs.map(outputLine);
    case 'packets':
      return result.packets.length === 0 ? ['no packets'] : result.packets.map(packetLine);
    case 'variables':
      return variableLines(result.variables, '');
    case 'completions':
      return result.completions;
    default:
      return unreachable(result);
  }
}

export function helpLines(): readonly string[] {
  return [
    ...Object.entries(COMMANDS).map(
      ([name, { usage, says }]) => `${`${name} ${usage}`.padEnd(COLUMN)} ${says}`,
    ),
    `anything else${' '.repeat(COLUMN - 13)} is evaluated in a copy of the guest as it is here`,
    POSITION_HELP,
  ];
}
