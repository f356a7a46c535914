import {
  appendFileSync,
  closeSync,
  copyFileSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import {
  type LogVerdict,
  openLog,
  repairTornTail,
  verifyLog,
} from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import {
  Chain,
  decodeHeader,
  decodeSeal,
  encodeBatch,
  encodeFrame,
  encodeHeader,
  encodeSeal,
  FRAME,
  type Frame,
  FrameReader,
  INTERRUPT,
  SNAPSHOT_FRAME,
  sha256Hex,
} from '../../../log-format/index.ts';
import { LONG } from '../../support/long.ts';
import { batchOf, end, interrupt, STARTED_AT, sampleHeader } from '../log-format/samples.ts';
import {
  batchNumber,
  closed,
  contentOf,
  createStore,
  failOnError,
  sealed,
  tempDir,
  writeLog,
} from './log-samples.ts';

const SEGMENT_BYTES = 1050;
const BATCHES = 12;
const NAMES = ['000001.hvlog', '000002.hvlog', '000003.hvlog'];
const FIRST = '000001.hvlog';
const damaged = expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' });

const verify = (path: string): LogVerdict => verifyLog(openLog(path));

/** The verdict, or the code of the HvError; anything else thrown fails the test. */
function outcome(path: string): LogVerdict | string {
  try {
    return verify(path);
  } catch (error) {
    if (error instanceof HvError) return error.code;
    throw error;
  }
}

/** A sealed log of three segments in a fresh directory. */
async function threeSegments(): Promise<string> {
  const dir = tempDir();
  await writeLog(dir, { batches: BATCHES, segmentBytes: SEGMENT_BYTES });
  return dir;
}

function framesOf(path: string): Frame[] {
  const reader = new FrameReader(1_000_000);
  reader.push(new Uint8Array(readFileSync(path)));
  const frames: Frame[] = [];
  for (let next = reader.next(); next.type === 'frame'; next = reader.next())
    frames.push(next.frame);
  return frames;
}

const writeFrames = (path: string, frames: readonly Frame[]): void =>
  writeFileSync(path, Buffer.concat(frames.map((frame) => frame.bytes)));

describe('a sealed log', () => {
  it('in these tests has three segments', async () => {
    expect(readdirSync(await threeSegments())).toEqual(NAMES);
  });

  it('shows every flipped bit', async () => {
    const dir = await threeSegments();
    // Every seventh bit: of each byte one at least, and not the same one.
    const stride = LONG ? 1 : 7;
    let flips = 0;
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      const bytes = readFileSync(path);
      const fd = openSync(path, 'r+');
      for (let bit = 0; bit < bytes.length * 8; bit += stride) {
        const at = bit >> 3;
        const good = bytes.subarray(at, at + 1);
        writeSync(fd, Uint8Array.of((good[0] ?? 0) ^ (1 << (bit & 7))), 0, 1, at);
        const found = outcome(dir);
        if (found !== 'HV_E_LOG_DAMAGED')
          throw new Error(`bit ${bit} of ${name}: ${JSON.stringify(found)}`);
        writeSync(fd, good, 0, 1, at);
        flips++;
      }
      closeSync(fd);
    }
    expect(flips).toBeGreaterThan(20_000 / stride);
    expect(verify(dir).sealed).toBe(true);
  });

  it('cut anywhere ends in a torn tail or in an error, and in nothing else', async () => {
    const dir = await threeSegments();
    const last = NAMES[2];
    for (const name of NAMES) {
      const path = join(dir, name);
      const bytes = readFileSync(path);
      for (let cut = bytes.length - 1; cut >= 0; cut--) {
        truncateSync(path, cut);
        const found = outcome(dir);
        if (name !== last) {
          if (found !== 'HV_E_LOG_DAMAGED') throw new Error(`cut of ${name} at ${cut}`);
        } else if (typeof found === 'string' || found.sealed || found.lastLsn > 2 * BATCHES) {
          throw new Error(`cut of ${name} at ${cut}: ${JSON.stringify(found)}`);
        }
      }
      writeFileSync(path, bytes);
    }
    expect(verify(dir).sealed).toBe(true);
  });

  it.each([0, 1, 2])('shows that segment %i is missing', async (index) => {
    const dir = await threeSegments();
    rmSync(join(dir, NAMES[index] ?? ''));
    expect(() => verify(dir)).toThrow(damaged);
  });

  it('shows a segment that does not belong to it', async () => {
    const dir = await threeSegments();
    copyFileSync(join(dir, '000003.hvlog'), join(dir, '000004.hvlog'));
    expect(() => verify(dir)).toThrow(damaged);
    copyFileSync(join(dir, '000003.hvlog'), join(dir, '000002.hvlog'));
    expect(() => verify(dir)).toThrow(damaged);
  });

  it('shows bytes added at its end', async () => {
    const dir = await threeSegments();
    appendFileSync(join(dir, '000003.hvlog'), new Uint8Array(1));
    expect(() => verify(dir)).toThrow(damaged);
  });
});

describe('forged frames with good CRCs', () => {
  let frames: Frame[];
  let dir: string;
  let path: string;

  async function oneSegment(): Promise<void> {
    dir = tempDir();
    await writeLog(dir, { batches: 4 });
    path = join(dir, FIRST);
    frames = framesOf(path);
  }
  const at = (index: number): Frame => {
    const frame = frames[index];
    if (frame === undefined) throw new Error('no such frame');
    return frame;
  };
  const asFrame = (bytes: Uint8Array): Frame => ({ ...at(0), bytes });

  it('are seen when a batch says something else', async () => {
    await oneSegment();
    const payload = at(5).payload.slice();
    const last = payload.length - 1;
    payload[last] = (payload[last] ?? 0) ^ 1;
    writeFrames(path, frames.with(5, asFrame(encodeFrame(FRAME.batch, payload))));
    expect(() => verify(dir)).toThrow('the seal does not fit');
  });

  it.each<[string, () => readonly Frame[], string]>([
    ['a batch is missing', () => frames.toSpliced(5, 1), 'gap between batches'],
    ['a batch comes twice', () => frames.toSpliced(5, 0, at(5)), 'gap between batches'],
    ['two batches are exchanged', () => frames.with(5, at(6)).with(6, at(5)), 'gap'],
    ['the first batch is missing', () => frames.toSpliced(4, 1), 'gap between batches'],
    ['a blob is missing', () => frames.toSpliced(2, 1), 'blob in a wrong place'],
    ['the last blob is missing', () => frames.toSpliced(3, 1), 'a blob is missing'],
    ['a blob comes twice', () => frames.toSpliced(4, 0, at(3)), 'blob in a wrong place'],
    ['the header comes twice', () => frames.toSpliced(1, 0, at(0)), 'header inside'],
    ['the header is missing', () => frames.slice(1), 'no header'],
    ['the seal comes first', () => [at(8), ...frames], 'no header'],
    ['a seal is in the middle', () => frames.toSpliced(6, 0, at(8)), 'seal does not fit'],
    [
      'it is a later segment',
      () => frames.with(0, asFrame(encodeHeader(sampleHeader({ segment: 2 })))),
      'first segment',
    ],
    [
      'the header names another image',
      () => frames.with(0, asFrame(encodeHeader(sampleHeader({ imageHash: sha256Hex() })))),
      'header names',
    ],
    [
      'an epoch goes back',
      () => frames.with(5, asFrame(batchNumber(2, 0).bytes)),
      'epoch went back',
    ],
    [
      'a batch has a field that cannot be',
      () => frames.with(5, asFrame(encodeFrame(FRAME.batch, Uint8Array.of(0x93, 1, 3, 0)))),
      'without records',
    ],
  ])('are seen when %s', async (_name, forge, reason) => {
    await oneSegment();
    writeFrames(path, forge());
    expect(() => verify(dir)).toThrow(damaged);
    expect(() => verify(dir)).toThrow(reason);
  });

  it('are seen when a later header is of another log', async () => {
    const log = await threeSegments();
    const third = join(log, '000003.hvlog');
    const [head, ...rest] = framesOf(third);
    if (head === undefined) throw new Error('no header');
    const other = { ...decodeHeader(head.payload), vm: 'server-11111111' };
    // Without the seal: its chain would show the header, too.
    writeFrames(third, [{ ...head, bytes: encodeHeader(other) }, ...rest.slice(0, -1)]);
    expect(() => verify(log)).toThrow('does not continue the segment before');
  });

  it('are seen when a seal counts wrong', async () => {
    await oneSegment();
    const seal = decodeSeal(at(8).payload);
    for (const change of [{ records: 7 }, { batches: 5 }, { chain: sha256Hex() }]) {
      writeFrames(path, frames.with(8, asFrame(encodeSeal({ ...seal, ...change }))));
      expect(() => verify(dir)).toThrow('the seal does not fit');
    }
  });

  it('of a snapshot are damage in a log, also at its torn end', async () => {
    for (const type of Object.values(SNAPSHOT_FRAME)) {
      const dir = tempDir();
      await writeLog(dir, { batches: 2, seal: false });
      appendFileSync(join(dir, FIRST), encodeFrame(type, Uint8Array.of(1)));
      expect(() => verify(dir)).toThrow(damaged);
    }
  });

  it('of another version are told apart from damage', async () => {
    await oneSegment();
    const payload = at(0).payload.slice();
    payload[9] = 3;
    writeFrames(path, frames.with(0, asFrame(encodeFrame(FRAME.header, payload))));
    expect(() => openLog(dir)).toThrow(expect.objectContaining({ code: 'HV_E_LOG_VERSION' }));
  });

  it('are told with file, offset and the last good record', async () => {
    await oneSegment();
    writeFrames(path, frames.toSpliced(5, 1));
    const place = { file: path, offset: at(5).offset, lsn: 2, reason: 'gap between batches' };
    expect(() => verify(dir)).toThrow(expect.objectContaining({ details: place }));
    const seen: number[] = [];
    expect(() => {
      for (const { batch } of openLog(dir).batches()) seen.push(batch.firstLsn);
    }).toThrow(damaged);
    expect(seen).toEqual([1]);
  });
});

describe('a log whose writer was killed', () => {
  it('reads to the last whole batch and can go on to the same bytes, wherever it was cut', async () => {
    const whole = await threeSegments();
    const dir = join(tempDir(), 'cut');
    const path = join(dir, '000003.hvlog');
    cpSync(whole, dir, { recursive: true });
    const bytes = readFileSync(path);
    for (let cut = 0; cut < bytes.length; cut += 5) {
      cpSync(whole, dir, { recursive: true });
      truncateSync(path, cut);
      const before = verify(dir);
      const position = await repairTornTail(dir);
      if (position === undefined) throw new Error('the log cannot go on');
      expect(position.lastLsn).toBe(before.lastLsn);
      if (position.segment === 3) expect(verify(dir)).toEqual({ ...before, tornBytes: 0 });
      const store = FileLogStore.resume(position, { ...failOnError, segmentBytes: SEGMENT_BYTES });
      for (let n = before.lastLsn / 2 + 1; n <= BATCHES; n++) store.append(batchNumber(n));
      await sealed(store);
      expect(contentOf(dir)).toEqual(contentOf(whole));
    }
  });

  it('between the two steps of a segment cut can go on', async () => {
    const whole = await threeSegments();
    const second = join(whole, '000002.hvlog');
    const seal = framesOf(second).pop();
    const headerBytes = framesOf(join(whole, '000003.hvlog'))[0]?.bytes.length ?? 0;
    if (seal === undefined) throw new Error('no seal');
    // The third file gets its header, whole or not, before the second gets its seal.
    for (const header of [0, 5, headerBytes]) {
      for (const cut of [seal.offset, seal.offset + 5]) {
        const dir = join(tempDir(), 'cut');
        cpSync(whole, dir, { recursive: true });
        truncateSync(join(dir, '000003.hvlog'), header);
        truncateSync(join(dir, '000002.hvlog'), cut);
        const verdict = verify(dir);
        expect(verdict).toMatchObject({ sealed: false, segments: 2 });
        expect(verdict.tornBytes).toBe(header + cut - seal.offset);
        const position = await repairTornTail(dir);
        if (position === undefined) throw new Error('the log cannot go on');
        expect(readdirSync(dir)).toEqual([FIRST, '000002.hvlog']);
        const store = FileLogStore.resume(position, {
          ...failOnError,
          segmentBytes: SEGMENT_BYTES,
        });
        for (let n = verdict.lastLsn / 2 + 1; n <= BATCHES; n++) store.append(batchNumber(n));
        await sealed(store);
        expect(contentOf(dir)).toEqual(contentOf(whole));
      }
    }
  });

  it('by a power cut may end in zeros, which count as torn', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3, seal: false });
    const { size } = statSync(join(dir, FIRST));
    appendFileSync(join(dir, FIRST), new Uint8Array(5000));
    expect(verify(dir)).toMatchObject({ sealed: false, tornBytes: 5000, lastLsn: 6 });
    expect((await repairTornTail(dir))?.offset).toBe(size);
    expect(verify(dir)).toMatchObject({ tornBytes: 0, lastLsn: 6 });
    appendFileSync(join(dir, FIRST), Buffer.concat([Buffer.alloc(5000), Buffer.from([1])]));
    expect(() => verify(dir)).toThrow(damaged);
  });

  it('by a power cut may end in a frame whose last sectors were never written', async () => {
    const dir = tempDir();
    const payload = new Uint8Array(3000).fill(7);
    const store = createStore(dir);
    store.append(batchNumber(1));
    const record = interrupt(100, { kind: INTERRUPT.netData, id: 2, payload });
    store.append(encodeBatch(batchOf(1, 3, [record, end(2)]), STARTED_AT));
    await closed(store);
    const path = join(dir, FIRST);
    const bytes = readFileSync(path);
    const blank = (from: number, to = bytes.length): void => {
      const changed = Buffer.from(bytes);
      changed.fill(0, from, to);
      writeFileSync(path, changed);
    };
    const sector = Math.floor((bytes.length - 1000) / 512) * 512;
    blank(sector);
    expect(verify(dir)).toMatchObject({ sealed: false, lastLsn: 2 });
    // No disk does this: it is damage.
    blank(sector, sector + 512);
    expect(() => verify(dir)).toThrow(damaged);
    blank(bytes.length - 3);
    expect(() => verify(dir)).toThrow(damaged);
  });

  it('while it forgot its past may find its first segment back', async () => {
    const dir = await threeSegments();
    const frames = framesOf(join(dir, FIRST)).filter(({ type }) => type !== FRAME.batch);
    const beginning = frames.filter(({ type }) => type !== FRAME.seal).map(({ bytes }) => bytes);
    writeFileSync(join(dir, 'beginning.hvlog'), Buffer.concat(beginning));
    expect(verify(dir)).toMatchObject({ segments: 3 });
    rmSync(join(dir, '000002.hvlog'));
    expect(verify(dir)).toMatchObject({ segments: 1, sealed: true });
    rmSync(join(dir, 'beginning.hvlog'));
    expect(() => verify(dir)).toThrow(damaged);
  });

  it('after a deliberate end is not repaired', async () => {
    const dir = await threeSegments();
    const before = contentOf(dir);
    expect(await repairTornTail(dir)).toBeUndefined();
    expect(contentOf(dir)).toEqual(before);
  });
});

describe('opening', () => {
  it('takes one file for a whole log', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3 });
    const file = join(dir, 'kept.hvlog');
    renameSync(join(dir, FIRST), file);
    expect(verify(file)).toMatchObject({ sealed: true, lastLsn: 6 });
    const many = await threeSegments();
    expect(() => verify(join(many, FIRST))).toThrow('this segment is missing');
  });

  it('says that there is no log', () => {
    const dir = tempDir();
    const notFound = expect.objectContaining({ code: 'HV_E_LOG_NOT_FOUND' });
    expect(() => openLog(dir)).toThrow(notFound);
    expect(() => openLog(join(dir, 'nothing'))).toThrow(notFound);
    expect(() => openLog('/dev/null')).toThrow(notFound);
  });

  it('takes other files for what they are', () => {
    const file = join(tempDir(), 'text');
    writeFileSync(file, 'this is a text and not a log');
    expect(() => openLog(file)).toThrow('not a log at all');
    writeFileSync(file, '');
    expect(() => openLog(file)).toThrow(damaged);
  });

  it('gives the verdict of the hash chain over all frames before the seal', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3 });
    const chain = new Chain();
    for (const frame of framesOf(join(dir, FIRST)).slice(0, -1)) chain.update(frame.bytes);
    expect(verify(dir).chain).toBe(chain.head);
  });
});
