/**
 * The results of the benchmarks as tables for the README, each with the command, the machine and the
 * date that gave it. Pure; scripts/update-readme-figures.mjs puts them in their place.
 */

import { ARM_NAMES, ARMS, type ArmName } from './arms.ts';
import { BLOWS, type BlowFigures, type FailoverReport } from './failover.ts';
import type { Blow } from './failover-trials.ts';
import { type IdleReport, kbitPerSecond } from './idle.ts';
import type { LogSizeReport } from './log-size.ts';
import { caveats, intervalText, type OverheadReport, unitOf } from './overhead-report.ts';
import type { Provenance } from './provenance.ts';

export type BenchResult = OverheadReport | FailoverReport | IdleReport | LogSizeReport;

/** The order in which a reader meets them. */
const ORDER: readonly BenchResult['bench'][] = ['overhead', 'failover', 'log-size', 'idle'];

/** All results as Markdown, in a fixed order whatever the order given. */
export function renderFigures(results: readonly BenchResult[]): string {
  const sections = ORDER.flatMap((bench) =>
    results
      .filter((result) => result.bench === bench)
      .sort((a, b) => rank(a) - rank(b))
      .map(section),
  );
  if (sections.length !== results.length) throw new Error('a result of an unknown benchmark');
  return sections.join('\n\n');
}

/** Servers before the CPU guest, few connections before many. */
function rank(result: BenchResult): number {
  if (result.bench !== 'overhead') return 0;
  return result.connections ?? Number.POSITIVE_INFINITY;
}

function section(result: BenchResult): string {
  switch (result.bench) {
    case 'overhead':
      return overhead(result);
    case 'failover':
      return failover(result);
    case 'log-size':
      return logSize(result);
    case 'idle':
      return idle(result);
  }
}

function source({ command, cores, node, date }: Provenance): string {
  return `\`${command}\` (${cores} cores, Node ${node}, ${date})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n');
}

function overhead(result: OverheadReport): string {
  const { guest, connections, blocks } = result;
  const unit = unitOf(guest);
  const what =
    guest === 'kv'
      ? `key-value server, ${connections} connections`
      : 'CPU-bound guest without input';
  // A round takes milliseconds, a request microseconds.
  const [scale, time] = guest === 'kv' ? [1, 'µs'] : [1000, 'ms'];
  const cpuText = (micros: number): string => (micros / scale).toFixed(1);
  const ratioOf = (arm: ArmName, figures: 'rate' | 'cpu'): string =>
    intervalText(result[figures].ratios.find((row) => row.arm === arm && row.base === 'A'));
  const rows = ARM_NAMES.flatMap((name) => {
    const arm = result.arms[name];
    if (arm === undefined) return [];
    const backup = arm.backupCpuMicros;
    const cpu = cpuText(arm.cpuMicros) + (backup === undefined ? '' : ` + ${cpuText(backup)}`);
    const latency = guest === 'kv' ? [arm.latencyMs?.toFixed(3) ?? '-'] : [];
    const cells = [`${name} ${ARMS[name]}`, arm.unitsPerSecond.toFixed(0), ...latency, cpu];
    return [[...cells, ratioOf(name, 'rate'), ratioOf(name, 'cpu')]];
  });
  const latency = guest === 'kv' ? ['p50 ms'] : [];
  const cpu = `CPU ${time}/${unit}`;
  const head = ['arm', `${unit}s/s`, ...latency, cpu, 'rate / A (95 %)', 'CPU / A (95 %)'];
  const pair = result.pairCpu;
  const notes = [
    ...(pair === undefined
      ? []
      : [
          `CPU of D: primary + backup; its ratio is the primary's, both together ${intervalText(pair)}.`,
        ]),
    ...caveats(result).map(sentence),
  ];
  return [
    `**What hv costs: ${what}**, medians of ${blocks} interleaved blocks. ${source(result.provenance)}`,
    table(head, rows),
    notes.join(' '),
  ].join('\n\n');
}

function sentence(text: string): string {
  const start = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return start.endsWith('.') ? start : `${start}.`;
}

function failover(result: FailoverReport): string {
  const { detect, settleSeconds, clients, answered, backupsDropped } = result;
  const parts = (Object.keys(BLOWS) as Blow[]).flatMap((blow) => {
    const figures = result.blows[blow];
    return figures === undefined ? [] : [blowTable(BLOWS[blow], figures)];
  });
  const dropped =
    backupsDropped === 0
      ? ''
      : ` ${backupsDropped} backups were given up without a blow and replaced.`;
  const frozen =
    result.blows.stop === undefined
      ? ''
      : ' On one machine a frozen process keeps its port, so its clients wait until it is woken; only ' +
        'the phases up to live are those of two machines.';
  return [
    `**Failover** under the load of ${clients} clients, \`--detect ${detect}\`, at least ${settleSeconds} s ` +
      `after the last one, milliseconds after the blow. ${source(result.provenance)}`,
    ...parts,
    `${answered.toLocaleString('en-US')} replies were checked: none lost, none doubled, none wrong.` +
      `${dropped}${frozen}`,
  ].join('\n\n');
}

function blowTable(title: string, { trials, phasesMs }: BlowFigures): string {
  const rows = Object.entries(phasesMs).map(([phase, ms]) => [
    phase,
    ...[ms.p50, ms.p90, ms.p99, ms.max].map((value) => value.toFixed(1)),
  ]);
  return table([`${trials} x ${title}`, 'p50', 'p90', 'p99', 'max'], rows);
}

function logSize(result: LogSizeReport): string {
  const head = ['connections', 'log bytes/request', 'beyond its own bytes', 'requests per batch'];
  const rows = result.rows.map(({ connections, requests, logBytes, beyondPerRequest, batches }) => [
    String(connections),
    (logBytes / requests).toFixed(1),
    beyondPerRequest.toFixed(1),
    (requests / batches).toFixed(1),
  ]);
  return [`**Log of small requests.** ${source(result.provenance)}`, table(head, rows)].join(
    '\n\n',
  );
}

function idle(result: IdleReport): string {
  const head = ['idle guest, protected', 'log', 'records/s', 'CPU primary', 'CPU backup'];
  const rows = result.rows.map((row) => [
    row.guest,
    `${row.logBytesPerSecond.toFixed(0)} bytes/s, ${kbitPerSecond(row).toFixed(2)} kbit/s`,
    row.recordsPerSecond.toFixed(2),
    `${row.primaryCpuPercent.toFixed(1)} %`,
    `${row.backupCpuPercent.toFixed(1)} %`,
  ]);
  return [`**Idle.** ${source(result.provenance)}`, table(head, rows)].join('\n\n');
}

/** The output of a demo as a block of code. Escapes and trailing blanks of a terminal are left out. */
export function renderDemo(output: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for.
  const plain = output.replaceAll(/\u001b\[[0-9;]*m/g, '');
  const lines = plain.split('\n').map((line) => line.trimEnd());
  const text = lines.join('\n').replace(/\n+$/, '');
  if (text === '' || text.includes('```')) throw new Error('this is no output of a demo');
  return `\`\`\`text\n${text}\n\`\`\``;
}

/** Puts `content` between `<!-- name:begin -->` and `<!-- name:end -->`, which must be there once. */
export function replaceSection(document: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const before = document.split(begin);
  const after = document.split(end);
  if (
    before.length !== 2 ||
    after.length !== 2 ||
    document.indexOf(begin) > document.indexOf(end)
  ) {
    throw new Error(`the document needs ${begin} and, after it, ${end}, once each`);
  }
  return `${before[0]}${begin}\n${content}\n${end}${after[1]}`;
}
