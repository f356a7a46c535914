/** `hv status`, for people and programs, and its other end in the processes of replicas. */

import { HvError } from '../base/errors.ts';
import { WATCH_MS } from '../base/limits.ts';
import { isDirectory, makeDirectory } from '../host/directories.ts';
import { askStatus, serveStatus, statusPaths } from '../host/status-socket.ts';
import { counted } from '../timeline/record-words.ts';
import { data, say } from './print.ts';
import { watchScreen } from './screen.ts';
import {
  count,
  duration,
  type Fields,
  failoverWords,
  fieldsOf,
  lagWords,
  latencyWords,
  lossWords,
  mebibytes,
  protectionWords,
  seconds,
  text,
} from './status-text.ts';

/** What ends the answers of this process. */
const served: (() => void)[] = [];

/** No more answers from here: another process takes the place of this one. */
export function closeOwnStatus(): void {
  for (const close of served.splice(0)) close();
}

/** Answers `hv status` until the process exits. A replica runs without, too. */
export async function serveOwnStatus(
  dir: string,
  name: string,
  answer: (done: (status: object) => void) => void,
): Promise<void> {
  try {
    makeDirectory(dir);
    const { close } = await serveStatus(dir, name, answer);
    served.push(close);
  } catch (error) {
    say(`hv status will not see this process: ${(error as Error).message}`);
  }
}

/** What the replicas below `dir` say, primaries of a guest first. */
export async function askAll(options: {
  readonly name: string | undefined;
  readonly dir: string;
}): Promise<readonly Fields[]> {
  const answers = await Promise.all(statusPaths(options.dir).map(askStatus));
  return answers
    .filter((status) => status !== undefined)
    .filter(({ name }) => options.name === undefined || name === options.name)
    .sort((a, b) => orderOf(a).localeCompare(orderOf(b)));
}

function orderOf({ name, role, pid }: Fields): string {
  return `${text(name)} ${role === 'primary' ? 0 : 1} ${text(pid)}`;
}

interface StatusOptions {
  readonly name: string | undefined;
  readonly dir: string;
  readonly json: boolean;
}

/** That nobody answers below `dir`, and why where the directory tells. */
export function noneBelow(which: string, dir: string): string {
  return `${which} runs below ${dir}${isDirectory(dir) ? '' : ': there is no such directory'}`;
}

/** Prints every replica that answers; false: nobody reads. Throws HV_E_USAGE when none answers. */
export async function showStatus(options: StatusOptions): Promise<boolean> {
  const found = await askAll(options);
  if (found.length === 0) {
    const which = options.name === undefined ? 'no replica' : `no replica of '${options.name}'`;
    throw new HvError('HV_E_USAGE', noneBelow(which, options.dir));
  }
  return found
    .map((status) => data(options.json ? JSON.stringify(status) : statusLines(status).join('\n')))
    .every((isRead) => isRead);
}

/**
 * Shows the replicas again every WATCH_MS: on a terminal in place, until its user quits; elsewhere one
 * after the other, until nobody reads or none is left.
 */
export async function watchStatus(options: StatusOptions): Promise<void> {
  const { stdin: input, stdout: output } = process;
  if (output.isTTY && !options.json)
    return watchScreen({ input, output }, async () => {
      const found = await askAll(options);
      const none = [noneBelow('no replica', options.dir)];
      return found.length === 0 ? none : found.flatMap((one) => [...statusLines(one), '']);
    });
  while (await showStatus(options)) await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
}

const LOG_LOST =
  'LOST: it was deleted or moved away while it is written (docs/operations.md, HvLogLost)';

/** A replica in lines for people. */
export function statusLines(status: Fields): string[] {
  const row = (name: string, value: string): string => `  ${name.padEnd(12)} ${value}`;
  const kind = status.kind ?? fieldsOf(status.replication)?.kind;
  const kindWords = kind === undefined || kind === 'hot' ? '' : ` (${text(kind)})`;
  const lines = [`${text(status.name)}: ${text(status.role)}${kindWords}, pid ${text(status.pid)}`];
  const refused = refusedWords(fieldsOf(status.links));
  const strangers = refused === undefined ? [] : [row('refused', refused)];
  if (status.vm === undefined) return [...lines, row('waits', 'for a primary'), ...strangers];
  lines.push(row('vm', `${text(status.vm)} (${text(status.script)})`));
  lines.push(row('up', seconds(status.uptimeMs)));
  const busy = fieldsOf(status.busy);
  if (busy !== undefined)
    lines.push(
      row(
        'busy',
        `for ${seconds(busy.ms)} with turn ${text(busy.turn)}, last sign of life ${seconds(busy.silentMs)} ago`,
      ),
    );
  const told: readonly (readonly [string, string | undefined])[] = [
    ['state', protectionWords(status)],
    ['failover', failoverWords(status)],
    ['', lossWords(status)],
    ['latency', latencyWords(status)],
    ['lag', lagWords(status)],
    ['admin', status.admin ? `http://${text(status.admin)}` : undefined],
  ];
  for (const [name, words] of told) if (words !== undefined) lines.push(row(name, words));
  const replication = fieldsOf(status.replication);
  if (replication !== undefined) lines.push(...replicationLines(replication, row));
  const meter = fieldsOf(status.meter);
  const limits = fieldsOf(status.limits) ?? {};
  const health = fieldsOf(meter?.health);
  if (health !== undefined) lines.push(row('guest', healthWords(health)));
  if (meter !== undefined)
    lines.push(
      row(
        'used',
        `${count(meter.turns)} turns, ${count(meter.ticks)} ticks (${count(meter.ticksPerSecond)}/s), ${count(meter.outputs)} outputs`,
      ),
      row(
        'heap',
        `${mebibytes(meter.bytes)} of ${mebibytes(limits.heapBytes)} in ${count(meter.blocks)} blocks`,
      ),
    );
  return [
    ...lines,
    row('log', status.logLost === true ? LOG_LOST : `${count(status.logBytes)} bytes`),
    row('limits', limitWords(limits)),
    ...strangers,
  ];
}

/** What the guest says of itself. `since`: microseconds of its clock. */
function healthWords({ state, reason, since }: Fields): string {
  const at = new Date(Number(since) / 1000).toISOString();
  return `says it is ${text(state)} since ${at}${reason === '' ? '' : `: ${text(reason)}`}`;
}

/** Who was turned away at the link port; undefined when nobody was. */
function refusedWords(links: Fields | undefined): string | undefined {
  const reasons = Object.entries(fieldsOf(links?.reasons) ?? {}).filter(([, times]) => times !== 0);
  if (reasons.length === 0) return undefined;
  return `at the link port: ${reasons.map(([reason, times]) => `${reason} ${count(times)}`).join(', ')}`;
}

function replicationLines(fields: Fields, row: (name: string, value: string) => string): string[] {
  if (fields.phase !== undefined)
    return [
      row('epoch', `${text(fields.epoch)}, ${text(fields.phase)} ${text(fields.follows)}`),
      row('lsn', copyWords(fields)),
      ...(Number(fields.delayMs) > 0
        ? [
            row(
              'delay',
              `${duration(fields.delayMs)} by design: hv promote --force goes back as far, or to what --at says`,
            ),
          ]
        : []),
      ...listOf(fields.followers).map((one) =>
        row(
          'follower',
          `${text(one.peer)} ${text(one.state)}: received ${count(one.lsnReceived)} (lag ${count(one.lag)})`,
        ),
      ),
      ...arbiterLines(fields.arbiter, row),
    ];
  const view = fieldsOf(fields.view) ?? {};
  const backups = listOf(fields.backups);
  const viewBackups = Array.isArray(view.backups) ? view.backups : [];
  return [
    row('epoch', `${text(view.epoch)}, primary ${text(view.primary)}`),
    row(
      'lsn',
      `appended ${count(fields.lsnAppended)}, on every backup ${count(fields.lsnDurable)}, released ${count(fields.lsnReleased)}`,
    ),
    ...(fields.lsnCheckpoint === undefined
      ? []
      : [row('checkpoint', `at lsn ${count(fields.lsnCheckpoint)}`)]),
    row(
      'held',
      `${count(fields.heldBytes)} bytes of output${fields.throttled === true ? ', input is stopped' : ''}${fields.lacksBackups === true ? ', until there are enough backups (--on-backup-loss stop)' : ''}`,
    ),
    row('net', `${count(fields.listeners)} listeners, ${count(fields.connections)} connections`),
    ...backups.map((one) => row('backup', backupWords(one))),
    ...(viewBackups.length === 0
      ? [
          row(
            'backup',
            backups.length === 0 ? 'none: UNPROTECTED' : 'none in the view: UNPROTECTED',
          ),
        ]
      : []),
    ...arbiterLines(fields.arbiter, row),
  ];
}

/** What a backup has of the log, and what it has done with it. */
function copyWords(fields: Fields): string {
  const received = `received ${count(fields.lsnReceived)}`;
  if (fields.cold !== true)
    return `${received}, replayed ${count(fields.lsnReplayed)} (lag ${count(fields.lag)})`;
  const from =
    fields.lsnSnapshot === undefined ? '' : ` behind its snapshot of ${count(fields.lsnSnapshot)}`;
  return `${received}; by design it runs nothing before a promotion, which replays ${counted(Number(fields.toReplay), 'record')}${from}`;
}

/** A backup as its primary sees it. */
function backupWords(one: Fields): string {
  const state = `${text(one.peer)} ${text(one.state)}${one.hidden === true ? ', by design in no view' : ''}`;
  const replayed =
    one.cold === true ? 'runs nothing by design' : `replayed ${count(one.lsnReplayed)}`;
  return `${state}: acked ${count(one.lsnAcked)}, ${replayed} (lag ${count(one.lag)})`;
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : [];
}

/** What a failover would meet now. */
function arbiterLines(value: unknown, row: (name: string, value: string) => string): string[] {
  const arbiter = fieldsOf(value);
  if (arbiter === undefined) return [];
  if (arbiter.unreachableMs !== undefined)
    return [
      row(
        'arbiter',
        `UNREACHABLE for ${seconds(arbiter.unreachableMs)}: a failover now would wait (${text(arbiter.reason)})`,
      ),
    ];
  if (arbiter.answeredMs === undefined) return [row('arbiter', 'not asked yet')];
  const ago = `${seconds(arbiter.answeredMs)} ago in ${text(arbiter.rttMs)} ms`;
  return [row('arbiter', `answered ${ago}`)];
}

function limitWords(limits: Fields): string {
  const words = [`stack ${count(Number(limits.stackBytes) / 1024)} KiB`];
  if (limits.turnTicks !== 0) words.push(`${count(limits.turnTicks)} ticks a turn`);
  if (limits.secondTicks !== 0) words.push(`${count(limits.secondTicks)} ticks a second`);
  words.push(limits.hangMs === 0 ? 'no hang limit' : `hang ${seconds(limits.hangMs)}`);
  return words.join(', ');
}
