import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { verifyLogAt } from '../../../hypervisor/cli/log-verify.ts';
import { auditLog, parseHead } from '../../../hypervisor/host/log-audit.ts';
import { headText } from '../../../hypervisor/host/log-cursor.ts';
import { cutLog, openLog, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import {
  newSignKey,
  readPublicKey,
  readSignKey,
  type SignKey,
  useSignKey,
} from '../../../hypervisor/host/sign-keys.ts';
import { type EncodedBatch, encodeBatch, INTERRUPT } from '../../../log-format/index.ts';
import { LONG } from '../../support/long.ts';
import { batchOf, end, interrupt, STARTED_AT } from '../log-format/samples.ts';
import {
  batchNumber,
  closed,
  contentOf,
  createStore,
  failOnError,
  sealed,
  tempDir,
} from './log-samples.ts';

const SEGMENT_BYTES = 1050;
const BATCHES = 12;
const KEY = newSignKey('in this test');
const OTHER = newSignKey('in this test');
const { publicKey } = KEY;

/** What the CLI prints while `run` runs. */
function printed(run: () => void): string {
  lines.length = 0;
  run();
  return lines.map((line) => `${line}\n`).join('');
}

const lines = vi.hoisted(() => [] as string[]);
vi.mock('../../../hypervisor/cli/print.ts', () => ({
  data: (text: string) => lines.push(text),
  say: () => undefined,
}));

beforeEach(() => useSignKey(KEY));
afterEach(() => useSignKey(undefined));

/** Writes the same log with other batches, as somebody does who can write the files and has no key. */
async function write(
  dir: string,
  batches: readonly EncodedBatch[],
  how: { readonly seal?: boolean; readonly key?: SignKey | undefined } = {},
): Promise<void> {
  useSignKey('key' in how ? how.key : KEY);
  const store = createStore(dir, { segmentBytes: SEGMENT_BYTES });
  for (const batch of batches) store.append(batch);
  await (how.seal === false ? closed(store) : sealed(store));
  useSignKey(KEY);
}

const all = (): EncodedBatch[] => Array.from({ length: BATCHES }, (_, n) => batchNumber(n + 1));

/** Batch `n` of another run: the same places, other content. */
function otherBatch(n: number): EncodedBatch {
  const payload = new TextEncoder().encode(`forged! ${n}`.slice(0, `request ${n}`.length));
  const record = interrupt(100 * n, { kind: INTERRUPT.netData, id: 2, payload });
  return encodeBatch(batchOf(1, 2 * n - 1, [record, end(n)]), STARTED_AT);
}

async function signedLog(): Promise<string> {
  const dir = tempDir();
  await write(dir, all());
  expect(readdirSync(dir).filter((name) => name.endsWith('.hvsig'))).toHaveLength(3);
  return dir;
}

/** A log with these batches, whose chain fits, below the signatures of `dir`. */
async function forged(
  dir: string,
  batches: readonly EncodedBatch[],
  how: { readonly seal?: boolean; readonly signatures?: readonly number[] } = {},
): Promise<string> {
  const forgery = tempDir();
  await write(forgery, batches, { ...how, key: undefined });
  for (const segment of how.signatures ?? [1, 2, 3]) {
    const name = `00000${segment}.hvsig`;
    copyFileSync(join(dir, name), join(forgery, name));
  }
  // The chain alone says nothing.
  expect(() => verifyLog(openLog(forgery))).not.toThrow();
  return forgery;
}

const audit = (dir: string): ReturnType<typeof auditLog> => auditLog(dir, { publicKey });
const fault = (file: string, text: string): unknown =>
  expect.objectContaining({
    code: 'HV_E_LOG_SIGNATURE',
    message: expect.stringContaining(text),
    details: expect.objectContaining({ file: expect.stringContaining(file) }),
  });
const damage = (file: string): unknown =>
  expect.objectContaining({
    code: 'HV_E_LOG_DAMAGED',
    details: expect.objectContaining({ file: expect.stringContaining(file) }),
  });

describe('a signed log', () => {
  it('is vouched for from its first byte to its end, and its segments are those of an unsigned one', async () => {
    const dir = await signedLog();
    expect(audit(dir)).toMatchObject({ signatures: 3, signedTo: 24, signedWhole: true });
    const plain = tempDir();
    await write(plain, all(), { key: undefined });
    const segments = [...contentOf(dir)].filter(([name]) => name.endsWith('.hvlog'));
    expect(new Map(segments)).toEqual(contentOf(plain));
  });

  it('that was killed says from where on it is not yet signed', async () => {
    const dir = tempDir();
    await write(dir, all(), { seal: false });
    const found = audit(dir);
    expect(found).toMatchObject({ signatures: 2, signedWhole: false });
    expect(found.signedTo).toBeLessThan(24);
    const key = join(tempDir(), 'key.pub');
    writeFileSync(key, KEY.publicPem);
    const from = (found.signedTo ?? 0) + 1;
    expect(printed(() => verifyLogAt(dir, { json: false, publicKey: key }))).toContain(
      `signed up to lsn ${from - 1} (2 signatures), not yet signed from lsn ${from}\n`,
    );
    expect(
      JSON.parse(printed(() => verifyLogAt(dir, { json: true, publicKey: key }))),
    ).toMatchObject({ intact: true, signedTo: from - 1, unsignedFrom: from, signedWhole: false });
  });

  it('that goes on is signed anew at its end, and was never found forged in between', async () => {
    const dir = tempDir();
    await write(dir, all().slice(0, 7));
    const { end: at } = verifyLog(openLog(dir));
    const position = await cutLog({ ...at, dir });
    expect(audit(dir).signedWhole).toBe(false);
    const store = FileLogStore.resume(position, { ...failOnError, segmentBytes: SEGMENT_BYTES });
    for (let n = 8; n <= BATCHES; n++) store.append(batchNumber(n));
    await sealed(store);
    expect(audit(dir)).toMatchObject({ signedTo: 24, signedWhole: true });
  });

  it('without a signature in its middle is vouched for by the one behind', async () => {
    const dir = await signedLog();
    rmSync(join(dir, '000002.hvsig'));
    expect(audit(dir)).toMatchObject({ signatures: 2, signedTo: 24, signedWhole: true });
  });
});

describe('whoever has the files and no key', () => {
  it('cannot flip a byte: the place is named', async () => {
    const dir = await signedLog();
    for (const name of readdirSync(dir)) {
      const bytes = readFileSync(join(dir, name));
      for (let at = 0; at < bytes.length; at += LONG ? 1 : 3 + (at % 7)) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ 1;
        writeFileSync(join(dir, name), flipped);
        const named = name.endsWith('.hvsig') ? name.replace('hvsig', 'hvlog') : name;
        expect(() => audit(dir), `${name} byte ${at}`).toThrow(
          name.endsWith('.hvsig') ? fault(named, 'does not fit') : damage(named),
        );
      }
      writeFileSync(join(dir, name), bytes);
    }
  });

  it('cannot write a batch anew, or splice those of another run, with a chain that fits', async () => {
    const dir = await signedLog();
    for (let n = 1; n <= BATCHES; n++) {
      const batches = all();
      batches[n - 1] = otherBatch(n);
      const forgery = await forged(dir, batches);
      const segment = 1 + [1, 2, 3].findIndex((one) => holds(forgery, one, 2 * n));
      expect(() => audit(forgery)).toThrow(fault(`00000${segment}.hvlog`, `'head `));
    }
  });

  it('cannot cut out a batch and number the rest anew', async () => {
    const dir = await signedLog();
    for (let n = 1; n < BATCHES; n++) {
      const rest = Array.from({ length: BATCHES - n }, (_, i) => otherBatch(n + i));
      const forgery = await forged(dir, [...all().slice(0, n - 1), ...rest]);
      expect(() => audit(forgery), `without batch ${n}`).toThrow(fault('.hvlog', ''));
    }
  });

  it('cannot drop a segment or exchange two', async () => {
    for (const segment of [1, 2, 3]) {
      const dir = await signedLog();
      rmSync(join(dir, `00000${segment}.hvlog`));
      expect(() => audit(dir)).toThrow(damage(`00000${segment}.hvlog`));
      rmSync(join(dir, `00000${segment}.hvsig`));
      expect(() => audit(dir)).toThrow(damage(`00000${segment}.hvlog`));
    }
    for (const suffixes of [['hvlog'], ['hvlog', 'hvsig']]) {
      const dir = await signedLog();
      for (const suffix of suffixes) {
        renameSync(join(dir, `000002.${suffix}`), join(dir, 'aside'));
        renameSync(join(dir, `000003.${suffix}`), join(dir, `000002.${suffix}`));
        renameSync(join(dir, 'aside'), join(dir, `000003.${suffix}`));
      }
      expect(() => audit(dir)).toThrow(damage('000002.hvlog'));
    }
  });

  it('cannot end the log earlier than it ended, unless no signature says so', async () => {
    const dir = await signedLog();
    const shorter = all().slice(0, 5);
    for (const seal of [true, false]) {
      const forgery = await forged(dir, shorter, { seal });
      expect(() => audit(forgery)).toThrow(fault('.hvlog', ''));
    }
    const unsealed = await forged(dir, shorter, { seal: false, signatures: [1] });
    expect(audit(unsealed)).toMatchObject({ signedWhole: false });
    const bare = await forged(dir, shorter, { seal: true, signatures: [] });
    expect(() => audit(bare)).toThrow(fault('000001.hvlog', 'nothing of this log is signed'));
  });

  it('cannot sign with a key of their own, or take a signature of another log', async () => {
    const dir = tempDir();
    await write(dir, all(), { key: OTHER });
    expect(() => audit(dir)).toThrow(fault('000001.hvlog', 'it is by another key'));
    const mine = await signedLog();
    copyFileSync(join(mine, '000001.hvsig'), join(mine, '000002.hvsig'));
    expect(() => audit(mine)).toThrow(fault('000002.hvlog', `'segment 1' was signed`));
  });
});

describe('a head that was noted elsewhere', () => {
  it('shows signed segments that were cut off the end', async () => {
    const dir = await signedLog();
    const { head } = audit(dir);
    expect(auditLog(dir, { expectHead: parseHead(headText(head)) }).expectedAt).toBe(24);
    const cut = await forged(dir, all().slice(0, 5), { seal: false, signatures: [1] });
    expect(() => auditLog(cut, { publicKey, expectHead: head })).toThrow(
      fault('', 'records 11 to 24 were cut off'),
    );
  });

  it('shows records that were written anew, also where nothing was signed', async () => {
    const dir = await signedLog();
    const { head } = audit(dir);
    const batches = all();
    batches[3] = otherBatch(4);
    const forgery = await forged(dir, batches, { signatures: [] });
    expect(() => auditLog(forgery, { expectHead: head })).toThrow(fault('', 'written anew'));
    const bare = parseHead(head.chain);
    expect(() => auditLog(forgery, { expectHead: bare })).toThrow(fault('', 'none of this log'));
    expect(auditLog(dir, { expectHead: bare }).expectedAt).toBe(24);
  });

  it('is found in the log of a run that went on, although its stop was cut off', async () => {
    const dir = tempDir();
    const store = createStore(dir, { segmentBytes: SEGMENT_BYTES });
    for (let n = 1; n <= 6; n++) store.append(batchNumber(n));
    const stop = { type: 'stop', time: batchTime(700), code: 0, reason: 'SIGTERM' } as const;
    store.append(encodeBatch(batchOf(1, 13, [stop]), STARTED_AT));
    await sealed(store);
    const { head } = audit(dir);
    expect(head.lsn).toBe(12);
    let before = verifyLog(openLog(dir)).end;
    for (const located of openLog(dir).batches()) before = located.before ?? before;
    const more = FileLogStore.resume(await cutLog({ ...before, dir }), failOnError);
    more.append(batchNumber(7));
    await sealed(more);
    expect(auditLog(dir, { publicKey, expectHead: head })).toMatchObject({
      expectedAt: 12,
      signedWhole: true,
    });
  });

  it('is told by the store at its end as verify prints it', async () => {
    const dir = tempDir();
    const heads: string[] = [];
    const store = createStore(dir, {
      segmentBytes: SEGMENT_BYTES,
      onSealed: (head) => heads.push(headText(head)),
    });
    for (const batch of all()) store.append(batch);
    await sealed(store);
    expect(heads).toEqual([headText(audit(dir).head)]);
    expect(printed(() => verifyLogAt(dir, { json: false }))).toContain(`head ${heads[0]}\n`);
  });

  it('is an lsn and 64 hex digits', () => {
    for (const text of ['', '12', `x:${'0'.repeat(64)}`, '0'.repeat(63)])
      expect(() => parseHead(text)).toThrow(expect.objectContaining({ code: 'HV_E_USAGE' }));
  });
});

describe('a key file', () => {
  it('holds PEM or 64 hex digits, and nothing else is taken for a key', () => {
    const path = join(tempDir(), 'key');
    const put = (text: string): string => {
      writeFileSync(path, text);
      return path;
    };
    expect(readSignKey(put(KEY.pem)).publicKey).toBe(publicKey);
    expect(readPublicKey(put(KEY.publicPem))).toBe(publicKey);
    expect(readPublicKey(put(`${publicKey}\n`))).toBe(publicKey);
    expect(readSignKey(put('07'.repeat(32))).publicKey).toMatch(/^[0-9a-f]{64}$/);
    const refused = expect.objectContaining({ code: 'HV_E_LOG_KEY' });
    for (const text of [
      '',
      'secret',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
    ]) {
      expect(() => readSignKey(put(text))).toThrow(refused);
      expect(() => readPublicKey(put(text))).toThrow(refused);
    }
  });
});

function holds(dir: string, segment: number, lsn: number): boolean {
  for (const located of openLog(dir).batches()) {
    const { batch } = located;
    if (lsn >= batch.firstLsn && lsn < batch.firstLsn + batch.records.length)
      return located.segment === segment;
  }
  return false;
}

function batchTime(dt: number): typeof STARTED_AT {
  return (STARTED_AT + dt) as typeof STARTED_AT;
}
