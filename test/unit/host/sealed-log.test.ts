import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { FileWindow } from '../../../hypervisor/host/file-window.ts';
import { glanceLog } from '../../../hypervisor/host/log-glance.ts';
import { LogIndex } from '../../../hypervisor/host/log-index.ts';
import { openLogInput } from '../../../hypervisor/host/log-input.ts';
import {
  type LogKey,
  logKey,
  logKeys,
  readLogKeys,
  useLogKeys,
} from '../../../hypervisor/host/log-keys.ts';
import {
  cutLog,
  type LogVerdict,
  openLog,
  repairTornTail,
  verifyLog,
} from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import {
  type AnyFrameType,
  asLsn,
  decodeEnvelope,
  decodeHeader,
  decodeKeyFrame,
  encodeEnvelope,
  encodeFrame,
  encodeKeyFrame,
  FRAME,
  type Frame,
  FrameReader,
  SEAL_TAG_BYTES,
  SEALED_FILE_FRAMES,
  SEALED_FRAME,
  SNAPSHOT_FRAME,
} from '../../../log-format/index.ts';
import { LONG } from '../../support/long.ts';
import {
  batchNumber,
  closed,
  contentOf,
  createStore,
  failOnError,
  sealed,
  synced,
  tempDir,
  writeLog,
} from './log-samples.ts';

const FIRST = '000001.hvlog';
const KEY = logKey(new Uint8Array(32).fill(1));
const OTHER_KEY = logKey(new Uint8Array(32).fill(2));
const SEGMENT_BYTES = 1050;
const BATCHES = 12;

const use = (...keys: LogKey[]): void => useLogKeys({ keys, file: 'a test', plain: 'refused' });
const verify = (path: string): LogVerdict => verifyLog(openLog(path));
const noKey = (why: string): unknown =>
  expect.objectContaining({ code: 'HV_E_LOG_KEY', details: expect.objectContaining({ why }) });
const damaged = expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' });

beforeEach(() => use(KEY));
afterEach(() => useLogKeys(undefined));

function framesOf(path: string): Frame<AnyFrameType>[] {
  const reader = new FrameReader<AnyFrameType>(1_000_000, { types: SEALED_FILE_FRAMES });
  reader.push(new Uint8Array(readFileSync(path)));
  const frames: Frame<AnyFrameType>[] = [];
  for (let next = reader.next(); next.type === 'frame'; next = reader.next())
    frames.push(next.frame);
  return frames;
}

/** The same log, written twice: as it is without keys, and sealed. */
async function twins(): Promise<{ plain: string; dir: string }> {
  const dir = tempDir();
  await writeLog(dir, { batches: BATCHES, segmentBytes: SEGMENT_BYTES });
  useLogKeys(undefined);
  const plain = tempDir();
  await writeLog(plain, { batches: BATCHES, segmentBytes: SEGMENT_BYTES });
  use(KEY);
  return { plain, dir };
}

/** What anybody may read of a sealed log: its plain bytes, segment by segment. */
function plainOf(dir: string): Map<string, string> {
  const names = readdirSync(dir).sort();
  return new Map(
    names.map((name) => {
      const input = openLogInput(join(dir, name));
      const bytes = Buffer.alloc(input.size);
      input.read(bytes, 0);
      input.close();
      return [name, bytes.toString('hex')];
    }),
  );
}

/** Every key and nonce that sealed something in these files, with what it sealed. */
function noncesOf(dir: string): { nonce: string; sealed: string }[] {
  return readdirSync(dir).flatMap((name) => {
    let salt = '';
    let offset = 0;
    return framesOf(join(dir, name)).flatMap((frame) => {
      if (frame.type === SEALED_FRAME.key) {
        const key = decodeKeyFrame(frame.payload);
        salt = Buffer.from(key.salt).toString('hex');
        ({ offset } = key);
      }
      if (frame.type !== SEALED_FRAME.bytes) return [];
      const nonce = `${salt} ${offset}`;
      offset += frame.payload.length - SEAL_TAG_BYTES;
      return [{ nonce, sealed: Buffer.from(frame.payload).toString('hex') }];
    });
  });
}

function outcome(path: string): LogVerdict | string {
  try {
    return verify(path);
  } catch (error) {
    if (error instanceof HvError) return error.code;
    throw error;
  }
}

describe('a sealed log', () => {
  it('is the plain one in its plain bytes, segments and chain, and shows none of them', async () => {
    const { plain, dir } = await twins();
    expect(plainOf(dir).size).toBe(3);
    expect(plainOf(dir)).toEqual(contentOf(plain));
    const verdict = verify(dir);
    useLogKeys(undefined);
    expect(verdict).toEqual({ ...verify(plain), end: { ...verdict.end, dir: expect.any(String) } });
    for (const text of ['request', 'firmware', 'console.log']) {
      expect(readFileSync(join(plain, FIRST)).includes('request')).toBe(true);
      for (const name of readdirSync(dir))
        expect(readFileSync(join(dir, name)).includes(text), `${text} in ${name}`).toBe(false);
    }
  });

  it('is never the same bytes twice', async () => {
    const one = await twins();
    const two = await twins();
    expect(contentOf(one.dir)).not.toEqual(contentOf(two.dir));
    expect(plainOf(one.dir)).toEqual(plainOf(two.dir));
  });

  it('shows every byte that was changed', async () => {
    const { dir } = await twins();
    const path = join(dir, '000002.hvlog');
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += LONG ? 1 : 5) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      writeFileSync(path, flipped);
      expect(['HV_E_LOG_DAMAGED', 'HV_E_LOG_KEY'], `byte ${at}`).toContain(outcome(dir));
    }
  });

  it('shows a changed byte whose checksum was made to fit', async () => {
    const { dir } = await twins();
    const path = join(dir, FIRST);
    const frames = framesOf(path);
    const last = frames.findLastIndex(({ type }) => type === SEALED_FRAME.bytes);
    for (const at of [0, 20, (frames[last]?.payload.length ?? 0) - 1]) {
      const changed = frames.map(({ type, payload, bytes }, index) => {
        if (index !== last) return bytes;
        const copy = Uint8Array.from(payload);
        copy[at] = (copy[at] ?? 0) ^ 1;
        return encodeFrame(type, copy);
      });
      writeFileSync(path, Buffer.concat(changed));
      expect(() => verify(dir)).toThrow('a sealed part was changed');
    }
  });

  it('cut anywhere is torn or damaged, and torn only up to a whole record', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    for (let n = 1; n <= 4; n++) {
      store.append(batchNumber(n));
      await synced(store);
    }
    await closed(store);
    const path = join(dir, FIRST);
    const bytes = readFileSync(path);
    const seen = new Set<number>();
    for (let length = bytes.length; length >= 0; length--) {
      truncateSync(path, length);
      const found = outcome(dir);
      if (typeof found === 'string') expect(found).toBe('HV_E_LOG_DAMAGED');
      else {
        expect(found.lastLsn % 2).toBe(0);
        seen.add(found.lastLsn);
        const whole = framesOf(path).at(-1);
        const end = (whole?.offset ?? 0) + (whole?.bytes.length ?? 0);
        expect(found.tornBytes).toBe(length - end);
      }
    }
    expect([...seen].sort()).toEqual([2, 4, 6, 8]);
  });

  it('with zeros at its end, as after a power cut, is torn', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3, seal: false });
    appendFileSync(join(dir, FIRST), Buffer.alloc(3000));
    expect(verify(dir)).toMatchObject({ sealed: false, tornBytes: 3000, lastLsn: 6 });
  });

  it('gives every record by its place, whatever the order', async () => {
    const { dir } = await twins();
    const index = new LogIndex(openLog(dir));
    for (const lsn of [24, 1, 13, 2, 23]) expect(index.record(asLsn(lsn))).toBeDefined();
    expect(index.lastLsn).toBe(24);
    index.close();
    expect(glanceLog(dir)).toMatchObject({ lastLsn: 24, sealed: true, segments: 3 });
    const window = new FileWindow();
    const name = join(dir, FIRST);
    const plain = Buffer.from(plainOf(dir).get(FIRST) ?? '', 'hex');
    for (const at of [500, 3, 900])
      expect(Buffer.from(window.read(name, at, 90))).toEqual(plain.subarray(at, at + 90));
    window.close();
  });

  it('streams to a backup the frames of the plain one, and a copy in plain is the plain log', async () => {
    const { plain } = await twins();
    const dir = tempDir();
    const store = createStore(dir, { segmentBytes: SEGMENT_BYTES });
    for (let n = 1; n <= BATCHES; n++) store.append(batchNumber(n));
    await synced(store);
    const frames: Uint8Array[] = [];
    await new Promise<void>((resolve, reject) =>
      store.readAll(
        (bytes) => frames.push(bytes),
        (_lsn, error) => (error ? reject(error) : resolve()),
      ),
    );
    await sealed(store);
    useLogKeys(undefined);
    const copy = tempDir();
    const backup = FileLogStore.fromFrames(copy, { ...failOnError, segmentBytes: SEGMENT_BYTES });
    for (const bytes of frames) backup.appendFrames(bytes);
    await sealed(backup);
    expect(contentOf(copy)).toEqual(contentOf(plain));
  });
});

describe('a key', () => {
  it('that is missing, another or for a plain log is named as such, and nothing is read', async () => {
    const { plain, dir } = await twins();
    use(OTHER_KEY);
    expect(() => verify(dir)).toThrow(noKey('wrong'));
    expect(() => verify(dir)).toThrow(KEY.id);
    expect(() => verify(plain)).toThrow(noKey('plain'));
    useLogKeys(undefined);
    expect(() => verify(dir)).toThrow(noKey('missing'));
    expect(verify(plain).sealed).toBe(true);
  });

  it('that is replaced still opens what it has sealed, and the new one seals what comes', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 2, seal: false });
    use(OTHER_KEY, KEY);
    const position = await repairTornTail(dir);
    if (position === undefined) throw new Error('the log goes on');
    const store = FileLogStore.resume(position, failOnError);
    store.append(batchNumber(3));
    await sealed(store);
    expect(verify(dir).lastLsn).toBe(6);
    use(OTHER_KEY);
    expect(() => verify(dir)).toThrow(KEY.id);
    use(KEY);
    expect(() => verify(dir)).toThrow(OTHER_KEY.id);
  });

  it('of a plain file among sealed ones is no key at all: the file is refused', async () => {
    const { plain, dir } = await twins();
    copyFileSync(join(plain, '000002.hvlog'), join(dir, '000002.hvlog'));
    expect(() => verify(dir)).toThrow(noKey('plain'));
    const keys = logKeys();
    if (keys === undefined) throw new Error('there are keys');
    useLogKeys({ ...keys, plain: 'read' });
    expect(verify(dir).sealed).toBe(true);
  });

  it('comes from a file of lines, the first of which seals', () => {
    const path = join(tempDir(), 'keys');
    writeFileSync(path, `# of May\n${'AB'.repeat(32)}\n\n${'01'.repeat(32)}\n`);
    expect(readLogKeys(path).map(({ id }) => id)).toEqual([
      logKey(new Uint8Array(32).fill(0xab)).id,
      KEY.id,
    ]);
    for (const text of ['', '# none\n', 'ab\n', `${'01'.repeat(33)}\n`, '01'.repeat(30_000)]) {
      writeFileSync(path, text);
      expect(() => readLogKeys(path), text.slice(0, 9)).toThrow(noKey('file'));
    }
    expect(() => readLogKeys(`${path}.gone`)).toThrow(noKey('file'));
  });
});

describe('sealed bytes', () => {
  it('open in no other place, file or log', async () => {
    const { dir } = await twins();
    const other = await twins();
    const path = join(dir, FIRST);
    const frames = framesOf(path);
    const parts = frames.filter(({ type }) => type === SEALED_FRAME.bytes);
    const foreign = framesOf(join(other.dir, FIRST));
    const put = (...list: readonly { readonly bytes: Uint8Array }[]): void =>
      writeFileSync(path, Buffer.concat(list.map(({ bytes }) => bytes)));
    const [envelope, key, first] = frames;
    if (!envelope || !key || !first || parts.length < 1) throw new Error('a sealed file');
    const refused = (): void => {
      expect(() => verify(dir)).toThrow(damaged);
      expect(() => verify(dir)).toThrow('belongs to another place or file');
    };
    // A part of another log, of the very same place.
    put(envelope, key, ...foreign.slice(2));
    refused();
    // With its key frame, below our envelope: another vm would be.
    const [, foreignKey] = foreign;
    if (!foreignKey) throw new Error('a sealed file');
    const vm = decodeEnvelope(envelope.type, envelope.payload).vm;
    put({ bytes: encodeEnvelope('log', { vm: `${vm}x`, part: FIRST }) }, ...foreign.slice(1));
    refused();
    put({ bytes: encodeEnvelope('log', { vm, part: '000002.hvlog' }) }, ...foreign.slice(1));
    refused();
    // A key frame that goes on elsewhere than its writer said.
    const moved = encodeKeyFrame({ ...decodeKeyFrame(key.payload), offset: 0 });
    put(envelope, { bytes: moved }, first);
    expect(() => verify(dir)).toThrow(damaged);
    const lied = encodeKeyFrame({ ...decodeKeyFrame(key.payload), offset: 10 });
    put(...frames.slice(0, -1), { bytes: lied });
    refused();
  });

  it('open in no other place of their own file', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    for (let n = 1; n <= 4; n++) {
      store.append(batchNumber(n));
      await synced(store);
    }
    await sealed(store);
    const path = join(dir, FIRST);
    const frames = framesOf(path);
    expect(frames.length).toBeGreaterThan(6);
    for (const [one, two] of [
      [3, 4],
      [4, 5],
    ] as const) {
      const swapped = [...frames];
      [swapped[one], swapped[two]] = [frames[two], frames[one]] as [
        Frame<AnyFrameType>,
        Frame<AnyFrameType>,
      ];
      writeFileSync(path, Buffer.concat(swapped.map(({ bytes }) => bytes)));
      expect(() => verify(dir)).toThrow(damaged);
    }
  });

  it('never share key and nonce, whatever was killed, cut and gone on with', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3, seal: false });
    const places: { nonce: string; sealed: string }[] = [];
    for (let round = 0; round < 12; round++) {
      places.push(...noncesOf(dir));
      const { end } = verify(dir);
      // The last batches are lost, torn or cut off, and others come in their place.
      const path = join(dir, FIRST);
      if (round % 3 === 1) truncateSync(path, statSync(path).size - 7);
      const position =
        round % 3 === 2 ? await cutLog({ ...end, dir }) : ((await repairTornTail(dir)) ?? end);
      const store = FileLogStore.resume({ ...position, dir }, failOnError);
      const next = (store.lastLsn as number) / 2 + 1;
      for (let n = next; n < next + 2; n++) store.append(batchNumber(n, round + 2));
      await (round % 2 === 0 ? closed(store) : synced(store));
      if (round % 2 === 1) await closed(store);
    }
    places.push(...noncesOf(dir));
    const sealedBy = new Map<string, string>();
    for (const { nonce, sealed: bytes } of places) {
      expect(sealedBy.get(nonce) ?? bytes).toBe(bytes);
      sealedBy.set(nonce, bytes);
    }
    expect(sealedBy.size).toBeGreaterThan(12);
  });
});

describe('a sealed log that goes on', () => {
  it('does so behind a seal that was cut off inside a sealed part, again and again', async () => {
    const { plain } = await twins();
    const dir = tempDir();
    await writeLog(dir, { batches: 2, segmentBytes: SEGMENT_BYTES });
    for (let n = 3; n <= BATCHES; n++) {
      const { end, sealed: whole } = verify(dir);
      expect(whole).toBe(true);
      const store = FileLogStore.resume(await cutLog({ ...end, dir }), {
        ...failOnError,
        segmentBytes: SEGMENT_BYTES,
      });
      store.append(batchNumber(n));
      await sealed(store);
    }
    expect(plainOf(dir)).toEqual(contentOf(plain));
  });

  it('can be cut at every batch, also at one that was cut at before, and back from there', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    const positions = [];
    for (let n = 1; n <= 6; n++) {
      store.append(batchNumber(n));
      await synced(store);
      const { position } = store;
      if (position === undefined) throw new Error('the writer is there');
      positions.push(position);
    }
    await sealed(store);
    for (const keep of [6, 5, 5, 3, 2]) {
      const position = positions[keep - 1];
      if (position === undefined) throw new Error('a position');
      await cutLog(position);
      expect(verify(dir)).toMatchObject({ sealed: false, tornBytes: 0, lastLsn: 2 * keep });
      const more = FileLogStore.resume(position, failOnError);
      // One write: the next cut is inside it.
      for (let n = keep + 1; n <= 6; n++) more.append(batchNumber(n));
      await sealed(more);
      expect(verify(dir)).toMatchObject({ sealed: true, lastLsn: 12 });
    }
    expect(new Set(positions.map(({ chain }) => chain)).size).toBe(6);
  });

  it('is handed to another thread with the length of its file, which is not searched for then', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    store.append(batchNumber(1));
    const position = await new Promise<Parameters<typeof FileLogStore.resume>[0]>(
      (resolve, reject) =>
        store.handover((at) => (at ? resolve(at) : reject(new Error('no position')))),
    );
    expect(position.fileBytes).toBe(statSync(join(dir, FIRST)).size);
    const next = FileLogStore.resume(position, failOnError);
    next.append(batchNumber(2));
    await sealed(next);
    expect(verify(dir).lastLsn).toBe(4);
    const wrong = { ...position, offset: position.offset - 1 };
    expect(() => FileLogStore.resume(wrong, failOnError)).toThrow('were handed over');
  });
});

describe('an hv that knows no seal', () => {
  it('says that the log is too new, and passes over the snapshot', async () => {
    const { dir } = await twins();
    const frame = framesOf(join(dir, FIRST))[0];
    if (frame === undefined) throw new Error('an envelope');
    expect(frame.type).toBe(FRAME.header);
    expect(() => decodeHeader(frame.payload)).toThrow('unknown format version');
    const snapshot = encodeEnvelope('snapshot', { vm: 'x', part: 'y' });
    expect(snapshot[0]).toBe(SNAPSHOT_FRAME.head);
  });

  it('has no signature where no key to sign was given', async () => {
    const { dir } = await twins();
    expect(existsSync(join(dir, '000001.hvsig'))).toBe(false);
  });
});
