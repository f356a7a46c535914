/** `hv fork`: makes a new run out of a place of a recorded one, then starts it. */

import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { HvError } from '../base/errors.ts';
import { DETECT_MS, HANG_LIMIT_MS, REFEED_TURN_TICKS } from '../base/limits.ts';
import { bundleGuest } from '../host/bundle.ts';
import type { ForkAnswer, ForkRequest } from '../host/fork-worker.ts';
import { checkName } from '../host/guest-name.ts';
import { refusePlainFiles } from '../host/log-keys.ts';
import { lockDirectory } from '../host/log-lock.ts';
import { openLog } from '../host/log-reader.ts';
import { startWorker } from '../host/threads.ts';
import { counted } from '../timeline/record-words.ts';
import type { RefeedReport } from '../timeline/refeed.ts';
import { parsePosition } from './inspect/parse.ts';
import { data, say } from './print.ts';
import { runGuest } from './run-process.ts';
import { shellWord } from './shell-word.ts';

export interface ForkOptions {
  readonly at: string;
  readonly name: string;
  readonly dir: string;
  readonly script?: string;
  readonly ports: 'same' | 'free';
  readonly start: boolean;
  readonly json?: boolean;
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

type Done = Extract<ForkAnswer, { type: 'done' }>;

export async function forkLog(path: string, options: ForkOptions): Promise<void> {
  const { name, dir } = options;
  checkName(name);
  const done = await makeFork(path, options);
  const place = `lsn ${done.lsn} (+${(done.micros / 1e6).toFixed(6)}s)`;
  say(`${name}: forked from ${path} at ${place} into ${resolve(dir, name)}`);
  if (done.args !== undefined) tellBoot(name, done.args, options.start);
  if (done.report !== undefined) tellScript(options.script ?? '', done.report);
  if (options.json === true)
    data(JSON.stringify({ name, vm: done.vm, lsn: done.lsn, micros: done.micros, path }));
  if (!options.start) return;
  refusePlainFiles();
  await runGuest(undefined, done.args ?? [], {
    backup: [],
    require: [],
    import: [],
    include: [],
    envFile: [],
    cache: true,
    admin: 'auto',
    spare: [],
    rejoin: false,
    quorum: 0,
    onBackupLoss: 'continue',
    detect: DETECT_MS.lan,
    ack: 'received',
    name,
    dir,
    resume: true,
    checkpoint: { type: 'auto' },
    keep: { type: 'all' },
    record: true,
    env: [],
    cpu: [],
    hangLimit: HANG_LIMIT_MS,
    movesPorts: options.ports === 'free',
    ...(options.eventsFd === undefined ? {} : { eventsFd: options.eventsFd }),
    ...(options.verbose === undefined ? {} : { verbose: options.verbose }),
  });
}

async function makeFork(path: string, options: ForkOptions): Promise<Done> {
  const target = parsePosition(options.at);
  if (target.type === 'tick')
    throw new HvError(
      'HV_E_USAGE',
      `a fork begins between two turns: --at ${target.lsn} and not in the middle of the turn at ${options.at}`,
    );
  const dir = resolve(options.dir, options.name);
  if (isSameFile(path, dir))
    throw new HvError(
      'HV_E_USAGE',
      `${path} is the log of '${options.name}' itself: a fork needs another --name`,
    );
  const lock = lockDirectory(dir);
  try {
    const script = options.script === undefined ? undefined : await scriptOf(options.script, path);
    const request: ForkRequest = { path, target, dir, name: options.name, script };
    const worker = startWorker('fork-worker', request);
    const [answer] = (await once(worker, 'message')) as [ForkAnswer];
    await worker.terminate();
    if (answer.type === 'done') return answer;
    throw new HvError(answer.code, answer.message, { details: answer.details });
  } finally {
    lock.release();
  }
}

function isSameFile(one: string, other: string): boolean {
  return existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other);
}

async function scriptOf(script: string, path: string): Promise<NonNullable<ForkRequest['script']>> {
  const { firmware } = openLog(path).blobs;
  const { code, sourceMap } = await bundleGuest(script, { cwd: process.cwd(), firmware });
  return { image: code, sourceMap, turnTicksMax: REFEED_TURN_TICKS };
}

/** The log says how its guest was started; who starts the fork later has to say it again. */
function tellBoot(name: string, args: readonly string[], starts: boolean): void {
  if (args.length === 0) return;
  const text = args.map(shellWord).join(' ');
  say(
    starts
      ? `${name}: nothing had run there: it boots with the recorded arguments ${text}`
      : `${name}: nothing had run there; the recorded arguments were ${text}: hv run --resume --name ${name} <script> ${text}`,
  );
}

/** What the new code made of the recorded inputs: it goes on from there and not from the old state. */
function tellScript(script: string, report: RefeedReport): void {
  const { turns, findings, untakenInputs, inputsAfterExit } = report;
  say(
    `${script} was fed the recorded inputs from the start (${counted(turns.replayed, 'turn')}): the state of the recorded code cannot be taken over`,
  );
  const differing = findings.length + report.findingsDropped;
  if (differing > 0)
    say(
      `${counted(differing, 'stream')} of its outputs differ from the recorded ones: hv replay --script ${script} shows them`,
    );
  if (untakenInputs > 0)
    say(
      `${counted(untakenInputs, 'input')} had no taker and ${untakenInputs === 1 ? 'is' : 'are'} lost to it`,
    );
  for (const finding of findings)
    if (finding.type === 'unanswerable') say(`the log has no answer to ${finding.what}`);
  if (inputsAfterExit > 0) say(`${counted(inputsAfterExit, 'input')} came after it had ended`);
}
