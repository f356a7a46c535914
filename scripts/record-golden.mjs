/**
 * Records the golden logs of test/golden/: real `hv run`s whose replays must give the same bits for
 * ever. They go into the folder of the format this hv writes; an existing golden is never overwritten,
 * and no other folder is touched: a log that must change is a new format version.
 *
 *   npm run build && node scripts/record-golden.mjs [name...]
 *   node scripts/record-golden.mjs --unpack <dir>      goldens as logs that hv can read
 *
 * A log holds what the guest could see of its surroundings, so everything happens in a directory of
 * neutral name, on a host called `golden` (`unshare --uts`, which needs root), with a copy of Node
 * and one environment variable. What still names this machine is refused.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GOLDENS } from './golden-runs.mjs';
import { endAll, HOST, Hv, NODE, root, STAGE } from './golden-stage.mjs';

const { FORMAT_VERSION, FrameReader, decodeBlob } = await import(
  join(root, 'dist/log-format/index.js')
);
const { readLogKeys, useLogKeys } = await import(join(root, 'dist/hypervisor/host/log-keys.js'));
const { FRAME_BYTES_MAX } = await import(join(root, 'dist/hypervisor/base/limits.js'));
const target = join(root, `test/golden/v${FORMAT_VERSION}`);

/** What a replay says about the log: the part of it that must never change. */
async function verdictOf(log, key) {
  const keys = key === undefined ? [] : ['--log-key-file', key];
  const json = new Hv(['replay', '--json', ...keys, log]);
  const code = await json.exited;
  if (code !== 0) throw new Error(`${log} does not replay (${code}): ${json.stderr}`);
  const { seconds: _, ...report } = JSON.parse(json.stdout);
  // Said by the log itself, and not in the entries of all goldens.
  delete report.log.firstLsn;
  const shown = new Hv(['replay', ...keys, log]);
  await shown.exited;
  return { report, stdout: shown.stdout, stderr: guestLines(shown.stderr) };
}

/** Without hv's own lines, which tell the time it took or, indented, what an error means. */
function guestLines(stderr) {
  return stderr.replace(/^hv: .*\n(?: {4}.*\n)*/gm, '');
}

/** The records of a log; throws when the bytes a reader could see in it name this machine. */
async function recordsOf(log) {
  const { openLog } = await import(join(root, 'dist/hypervisor/host/log-reader.js'));
  const opened = openLog(join(STAGE, log));
  const texts = [opened.blobs.image, opened.blobs.sourcemap].map((bytes) => Buffer.from(bytes));
  const records = [];
  for (const { batch } of opened.batches()) {
    for (const record of batch.records) {
      records.push({ ...record, epoch: batch.epoch });
      if (record.payload) texts.push(Buffer.from(record.payload));
    }
  }
  for (const trace of [root, homedir(), process.env.HV_REAL_HOST ?? ''].filter(Boolean)) {
    if (texts.some((text) => text.includes(trace)))
      throw new Error(`${log} contains '${trace}', which is of this machine`);
  }
  return records;
}

/** Where the frame of the firmware lies in a file of a log; undefined when it has none. */
function firmwareIn(bytes) {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  reader.push(bytes);
  let at = 0;
  for (;;) {
    const { type, frame } = reader.next();
    if (type !== 'frame') return undefined;
    if (frame.type === 'I'.charCodeAt(0) && decodeBlob(frame.payload).name === 'firmware')
      return { at, frame: frame.bytes };
    at += frame.bytes.length;
  }
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/**
 * Keeps one file of a golden and answers what its entry says. All goldens of one build have the same
 * firmware, nine tenths of a small log: its frame is kept once, beside them, and cut out of each.
 */
function keep(name, bytes) {
  const file = join(target, name);
  mkdirSync(dirname(file), { recursive: true });
  const entry = { sha256: sha256(bytes) };
  const found = name.endsWith('.hvlog') ? firmwareIn(bytes) : undefined;
  if (found === undefined) {
    writeFileSync(file, bytes);
    return entry;
  }
  const { at, frame } = found;
  const shared = `firmware-${sha256(frame).slice(0, 16)}.frame`;
  if (!existsSync(join(target, shared))) writeFileSync(join(target, shared), frame);
  writeFileSync(
    `${file}.cut`,
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + frame.length)]),
  );
  return { ...entry, cut: { at, file: shared } };
}

function entryOf(name) {
  return join(target, `${name}.json`);
}

async function record(name) {
  const { log, lived, has, isDirectory = false, key } = await GOLDENS[name](name);
  const keyFile = key && join(STAGE, key);
  useLogKeys(key && { keys: readLogKeys(keyFile), file: keyFile, plain: 'refused' });
  const records = await recordsOf(log);
  if (has !== undefined && !has(records))
    throw new Error(`${name} does not contain what it is recorded for`);
  const { report, ...printed } = await verdictOf(log, key);
  // What cannot be said of a killed process: it may have died before it had printed all.
  if (lived && (lived.stdout !== printed.stdout || guestLines(lived.stderr) !== printed.stderr))
    throw new Error(
      `${name} printed something else than its replay:\n${lived.stdout}${lived.stderr}`,
    );
  const dir = join(STAGE, log);
  const names = isDirectory
    ? readdirSync(dir).filter((file) => /\.(hvlog|hvsnap)$/.test(file))
    : ['000001.hvlog'];
  const files = Object.fromEntries(
    names.map((file) => {
      const kept = isDirectory ? `${name}/${file}` : `${name}.hvlog`;
      return [kept, keep(kept, readFileSync(join(dir, file)))];
    }),
  );
  // A fixture, and no secret: it opens nothing but this golden.
  if (key !== undefined) files[key] = keep(key, readFileSync(keyFile));
  writeFileSync(entryOf(name), `${JSON.stringify({ files, report, ...printed }, null, 2)}\n`);
  console.log(
    `${name}: ${report.records} records, epoch ${report.log.epoch}, ${report.log.bytes} bytes`,
  );
}

async function main(names) {
  if (existsSync(STAGE)) throw new Error(`${STAGE} is in the way: remove it`);
  mkdirSync(target, { recursive: true });
  mkdirSync(join(STAGE, 'bin'), { recursive: true });
  try {
    copyFileSync(process.execPath, NODE);
    cpSync(join(root, 'guests'), join(STAGE, 'guests'), { recursive: true });
    cpSync(join(root, 'test/golden/guests'), join(STAGE, 'guests/golden'), { recursive: true });
    for (const name of names) await record(name);
  } finally {
    endAll();
    rmSync(STAGE, { recursive: true, force: true });
  }
}

/** The same script again, on a host of the neutral name. */
function underNeutralName() {
  const script = `hostname ${HOST} && exec "$0" "$@"`;
  const command = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn('unshare', ['--uts', 'sh', '-c', script, ...command], {
    stdio: 'inherit',
    env: { ...process.env, HV_REAL_HOST: hostname() },
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

/** The names asked for, or all, without those that exist. */
function wanted(named) {
  const known = Object.keys(GOLDENS);
  const unknown = named.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`no golden called ${unknown.join()}, there are ${known.join(', ')}`);
  return (named.length > 0 ? named : known).filter((name) => {
    if (!existsSync(entryOf(name))) return true;
    if (hostname() !== HOST) console.log(`${name}: exists, kept`);
    return false;
  });
}

async function unpack(dir) {
  const { goldens } = await import(join(root, 'dist/test/golden/goldens.js'));
  for (const { label, path } of goldens(dir)) console.log(`${label}: ${path}`);
}

const [first, second] = process.argv.slice(2);
if (first === '--unpack') await unpack(second ?? 'goldens');
else if (hostname() === HOST) await main(wanted(process.argv.slice(2)));
else if (wanted(process.argv.slice(2)).length > 0) underNeutralName();
