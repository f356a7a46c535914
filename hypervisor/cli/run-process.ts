/** The process of `hv run`: the hypervisor of one guest, and a local backup if asked for. */

import { HvError } from '../base/errors.ts';
import type { KeepPolicy } from '../host/checkpointer.ts';
import { HostClock } from '../host/clock.ts';
import { Hypervisor, type RecordMode } from '../host/hypervisor.ts';
import type { RecoveryReport } from '../host/recovery.ts';
import type { CheckpointEvery } from '../replica/checkpoint-policy.ts';
import { counted } from '../timeline/record-words.ts';
import { Lifecycle } from './lifecycle.ts';
import { type CpuLimit, limitsOf } from './limit-options.ts';
import { startLocalBackup } from './local-backup.ts';
import { warnOfWideModes } from './mode-warning.ts';
import { type AckMode, guestEnvironment } from './options.ts';
import { exitWith } from './outcome.ts';
import { say } from './print.ts';
import { serveOwnStatus } from './status-report.ts';

export interface RunOptions {
  readonly backup: readonly string[];
  readonly arbiter?: string;
  readonly listen?: string;
  readonly detect: number;
  readonly ack: AckMode;
  readonly name?: string;
  readonly dir: string;
  readonly resume?: boolean;
  readonly checkpoint: CheckpointEvery;
  readonly keep: KeepPolicy;
  readonly recordOutputs?: boolean;
  readonly movesPorts?: boolean;
  readonly record: boolean;
  readonly recordNowhere?: boolean;
  readonly env: readonly string[];
  readonly memory?: number;
  readonly stack?: number;
  readonly cpu: readonly CpuLimit[];
  readonly hangLimit: number;
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export async function runGuest(
  script: string | undefined,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  if (script === undefined && options.resume !== true)
    throw new HvError('HV_E_USAGE', 'no script given');
  let name = script ?? options.name ?? 'guest';
  let address: string | undefined;
  const record = recordMode(options);
  const lifecycle = new Lifecycle({
    name: () => name,
    joinAt: () => address,
    eventsFd: options.eventsFd,
    verbose: options.verbose === true,
  });
  const local = options.backup.includes('local')
    ? await startLocalBackup(options.dir, { hangLimitMs: options.hangLimit })
    : undefined;
  const backups = options.backup.map((one) => (one === 'local' && local ? local.address : one));
  try {
    const hypervisor = await Hypervisor.start({
      script,
      resume: options.resume === true,
      args,
      cwd: process.cwd(),
      env: guestEnvironment(process.env, options.env),
      terminal: terminalFacts(),
      name: options.name,
      dir: options.dir,
      record,
      backups,
      listen: options.listen,
      arbiter: options.arbiter,
      detectMs: options.detect,
      checkpoint: options.checkpoint,
      keep: options.keep,
      recordOutputs: options.recordOutputs === true,
      movesPorts: options.movesPorts === true,
      ownLog: options.ack === 'durable' ? 'durable' : 'written',
      ...limitsOf(options),
      hangLimitMs: options.hangLimit,
      hooks: {
        note: (note, at) => lifecycle.note(note, at),
        trouble: (event, fields) => lifecycle.trouble(event, fields),
        checkpoint: ({ lsn, base, bytes, pauseMs, writeMs }) =>
          lifecycle.event('checkpoint', new HostClock().wall(), {
            lsn,
            base,
            bytes,
            pauseMs,
            writeMs,
          }),
        recovered: (report) => tellRecovery(lifecycle, name, report),
        ended: (outcome, error) => {
          if (error !== undefined) local?.kill();
          exitWith(outcome, error);
        },
      },
    });
    name = hypervisor.name;
    address = hypervisor.address;
    lifecycle.event('started', new HostClock().wall(), {
      pid: process.pid,
      log: hypervisor.logDir,
      address: hypervisor.address,
    });
    // Without a log nobody else is kept from the name, and nothing is left behind.
    if (hypervisor.logDir !== undefined)
      await serveOwnStatus(options.dir, name, (done) => hypervisor.status(done));
    warnOfWideModes(hypervisor.logDir);
    if (options.verbose === true || backups.length > 0)
      say(`${name}: recording to ${hypervisor.logDir ?? 'nowhere'}`);
    if (local !== undefined)
      say(
        `${name}: the local backup is pid ${local.pid}; it takes over when this process is killed, and kill ${local.pid} then ends it. Its console: ${local.console}`,
      );
    if (hypervisor.address !== undefined)
      say(`${name}: fresh backups join at ${hypervisor.address}`);
  } catch (error) {
    local?.kill();
    throw error;
  }
}

function tellRecovery(lifecycle: Lifecycle, name: string, report: RecoveryReport): void {
  const { checkpoint, skipped, records, tornBytes, wasSealed } = report;
  lifecycle.event('recovered', new HostClock().wall(), {
    checkpoint,
    records,
    tornBytes,
    wasSealed,
    skipped: skipped.map(({ lsn, unusable }) => ({ lsn, reason: unusable.reason })),
  });
  for (const { lsn, unusable } of skipped)
    say(`${name}: the checkpoint at lsn ${lsn} cannot be used: ${unusable.reason}`);
  const from = checkpoint === 0 ? 'from its beginning' : `from the checkpoint at lsn ${checkpoint}`;
  const torn = tornBytes === 0 ? '' : `, ${counted(tornBytes, 'torn byte')} cut off its end`;
  say(`${name}: its log was replayed ${from}, ${counted(records, 'record')}${torn}`);
}

function recordMode({ record, recordNowhere }: RunOptions): RecordMode {
  if (recordNowhere !== true) return record ? 'disk' : 'off';
  if (!record)
    throw new HvError('HV_E_USAGE', '--no-record and --record-nowhere exclude each other');
  return 'nowhere';
}

function terminalFacts(): {
  stdinIsTTY: boolean;
  stdoutIsTTY: boolean;
  stderrIsTTY: boolean;
  columns: number;
} {
  return {
    stdinIsTTY: process.stdin.isTTY === true,
    stdoutIsTTY: process.stdout.isTTY === true,
    stderrIsTTY: process.stderr.isTTY === true,
    columns: process.stdout.columns ?? 80,
  };
}
