/** The process of `hv run`: the hypervisor of one guest, and a local backup if asked for. */

import { HvError } from '../base/errors.ts';
import { HostClock } from '../host/clock.ts';
import { Hypervisor, type RecordMode } from '../host/hypervisor.ts';
import { Lifecycle } from './lifecycle.ts';
import { type CpuLimit, guestLimits } from './limit-options.ts';
import { startLocalBackup } from './local-backup.ts';
import { guestEnvironment } from './options.ts';
import { exitWith } from './outcome.ts';
import { say } from './print.ts';
import { serveOwnStatus } from './status-report.ts';

export interface RunOptions {
  readonly backup: readonly string[];
  readonly arbiter?: string;
  readonly listen?: string;
  readonly detect: number;
  readonly name?: string;
  readonly dir: string;
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
  script: string,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  let name = script;
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
      limits: guestLimits(options),
      hangLimitMs: options.hangLimit,
      hooks: {
        note: (note, at) => lifecycle.note(note, at),
        trouble: (event, fields) => lifecycle.trouble(event, fields),
        ended: (outcome, error) => {
          if (error !== undefined) local?.kill();
          exitWith(outcome, error);
        },
      },
    });
    name = hypervisor.name;
    address = hypervisor.address;
    const at = new HostClock().wall();
    lifecycle.event('started', at, {
      pid: process.pid,
      log: hypervisor.logDir,
      address: hypervisor.address,
    });
    // Without a log nobody else is kept from the name, and nothing is left behind.
    if (hypervisor.logDir !== undefined)
      await serveOwnStatus(options.dir, name, (done) => hypervisor.status(done));
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
