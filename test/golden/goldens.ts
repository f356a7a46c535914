/** The committed logs, what their replay must say, and a process that replays them. */

import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readLogKeys, useLogKeys } from '../../hypervisor/host/log-keys.ts';
import type { ReplayAnswer, ReplayRequest } from '../../hypervisor/host/replay-worker.ts';

/** Of the sources, from dist/ as well: only there are the logs. */
const ROOT: string = fileURLToPath(
  new URL(
    existsSync(new URL('./v1', import.meta.url)) ? '.' : '../../../test/golden',
    import.meta.url,
  ),
);
export const REPLAY_EACH: string = join(ROOT, 'replay-each.mjs');
/** A folder per format version. */
export const VERSIONS: readonly number[] = [1, 2];

/** A file of a log as it was recorded, and what was cut out of it to be kept only once. */
interface KeptFile {
  readonly sha256: string;
  /** The frame in `file` belongs at byte `at` of what is kept under the name with `.cut` behind it. */
  readonly cut?: { readonly at: number; readonly file: string };
}

export interface Expected {
  /** By path in the folder of the version. */
  readonly files: Readonly<Record<string, KeptFile>>;
  readonly report: {
    readonly memoryHash: string;
    readonly exit?: { readonly code: number };
    readonly log: { readonly sealed: boolean; readonly epoch: number };
    readonly [field: string]: unknown;
  };
  /** Of the guest, as its replay prints it. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * By label, the hash of the memory that was used, of goldens whose report has that of all the memory
 * there was: a quarter of a second each, to hash zeros.
 */
const USED: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(ROOT, 'used-memory.json'), 'utf8'),
);

export interface Golden {
  readonly version: number;
  readonly name: string;
  /** Both: `v2/hello`. */
  readonly label: string;
  /** A log that hv reads: one file, or a directory with snapshots. */
  readonly path: string;
  readonly expected: Expected;
  /** Of the memory that its replay has used. */
  readonly usedHash: string;
  /** True when the hash in its report is of all the memory there was. */
  readonly reportsWhole: boolean;
  /** Of a sealed one, the file with its key. */
  readonly keyFile?: string;
  /** Lsns of the snapshots beside it, ascending. */
  readonly snapshots: readonly number[];
}

export function goldenDir(version: number): string {
  return join(ROOT, `v${version}`);
}

/** Where every golden is one whole log that can be read where it lies. */
export const GOLDEN_DIR: string = goldenDir(1);

/**
 * All goldens, put together as ordinary logs below `dir`: nothing reads or writes the committed files. From
 * then on this process can open the sealed ones, too.
 */
export function goldens(dir: string): readonly Golden[] {
  const all = VERSIONS.flatMap((version) =>
    readdirSync(goldenDir(version))
      .filter((file) => file.endsWith('.json'))
      .map((file) => unpacked(version, file.slice(0, -'.json'.length), dir)),
  );
  const files = all.flatMap(({ keyFile }) => keyFile ?? []);
  const file = files[0];
  if (file !== undefined)
    useLogKeys({ keys: files.flatMap(readLogKeys), file, plain: 'read' });
  return all;
}

function unpacked(version: number, name: string, dir: string): Golden {
  const label = `v${version}/${name}`;
  const expected = expectedOf(version, name);
  const names = Object.keys(expected.files);
  for (const [file, { cut }] of Object.entries(expected.files)) {
    const bytes = readFileSync(join(goldenDir(version), cut === undefined ? file : `${file}.cut`));
    const target = join(dir, `v${version}`, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, cut === undefined ? bytes : joined(bytes, version, cut), { mode: 0o600 });
  }
  const path = join(dir, names.includes(`${name}.hvlog`) ? `${label}.hvlog` : label);
  const snapshots = names
    .flatMap((file) => /(\d+)\.hvsnap$/.exec(file)?.[1] ?? [])
    .map(Number)
    .sort((one, two) => one - two);
  const keyFile = names.includes(`${name}.key`) ? join(dir, `${label}.key`) : undefined;
  const used = USED[label];
  return {
    ...{ version, name, label, path, expected, snapshots },
    usedHash: used ?? expected.report.memoryHash,
    reportsWhole: used !== undefined,
    ...(keyFile && { keyFile }),
  };
}

/** Version 1 keeps whole logs of one file each. */
function expectedOf(version: number, name: string): Expected {
  const text = readFileSync(join(goldenDir(version), `${name}.json`), 'utf8');
  const { sha256, ...expected } = JSON.parse(text) as Expected & { readonly sha256?: string };
  return sha256 === undefined
    ? expected
    : { ...expected, files: { [`${name}.hvlog`]: { sha256 } } };
}

function joined(
  bytes: Buffer,
  version: number,
  { at, file }: NonNullable<KeptFile['cut']>,
): Buffer {
  const frame = readFileSync(join(goldenDir(version), file));
  return Buffer.concat([bytes.subarray(0, at), frame, bytes.subarray(at)]);
}

export interface Surroundings {
  readonly node?: string;
  readonly nodeFlags?: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Another path of replay-each.mjs: what that process has as its `argv[1]`. */
  readonly script?: string;
}

/** Another zone, locale and directory than logs are recorded in. */
export const ELSEWHERE: Surroundings = {
  cwd: '/',
  env: { TZ: 'Pacific/Apia', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
};

export interface Replayed {
  readonly answer: ReplayAnswer;
  /** What the guest printed. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Replays logs one after the other in one process of another Node, zone or directory. */
export async function replayEach(
  requests: readonly (Omit<ReplayRequest, 'console'> & Pick<Golden, 'keyFile'>)[],
  {
    node = process.execPath,
    nodeFlags = [],
    cwd = '/',
    env = {},
    script = REPLAY_EACH,
  }: Surroundings = {},
): Promise<readonly Replayed[]> {
  const dir = mkdtempSync(join(tmpdir(), 'hv-replay-'));
  const files = [join(dir, 'stdout'), join(dir, 'stderr')] as const;
  const [out, err] = [openSync(files[0], 'a'), openSync(files[1], 'a')];
  try {
    const given = requests.map((request) => JSON.stringify(request));
    const child = spawn(node, [...nodeFlags, script, ...given], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', out, err, 'pipe'],
    });
    let lines = '';
    (child.stdio[3] as Readable).on('data', (bytes: Buffer) => {
      lines += bytes.toString();
    });
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const answers = lines.split('\n').filter((line) => line !== '');
    const [stdout, stderr] = [readFileSync(files[0]), readFileSync(files[1])];
    if (code !== 0 || answers.length !== requests.length)
      throw new Error(`${node} ${nodeFlags.join(' ')} ended with ${code}: ${stderr}`);
    return parted(answers, stdout, stderr);
  } finally {
    closeSync(out);
    closeSync(err);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Gives each replay its part of what all of them printed. */
function parted(lines: readonly string[], stdout: Buffer, stderr: Buffer): readonly Replayed[] {
  let [outFrom, errFrom] = [0, 0];
  return lines.map((line) => {
    const { answer, outTo, errTo } = JSON.parse(line) as {
      readonly answer: ReplayAnswer;
      readonly outTo: number;
      readonly errTo: number;
    };
    const part = {
      answer,
      stdout: stdout.toString('utf8', outFrom, outTo),
      stderr: stderr.toString('utf8', errFrom, errTo),
    };
    [outFrom, errFrom] = [outTo, errTo];
    return part;
  });
}

/** Without hv's own lines, which tell the time it took or, indented, what an error means. */
export function guestLines(stderr: string): string {
  return stderr.replace(/^hv: .*\n(?: {4}.*\n)*/gm, '');
}

/** An answer in the form of `Expected.report`: without how long it took and where the log lies. */
export function reportOf(answer: ReplayAnswer): unknown {
  if (answer.type !== 'done') return answer;
  const { sealed, tornBytes, lastLsn, epoch, chain, segments, records, batches, bytes } =
    answer.verdict;
  return {
    verdict: 'verified',
    from: answer.from,
    ...answer.report,
    memoryHash: answer.memoryHash,
    log: { sealed, tornBytes, lastLsn, epoch, chain, segments, records, batches, bytes },
  };
}
