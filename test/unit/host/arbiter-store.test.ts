import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HvError } from '../../../hypervisor/base/errors.ts';
import { ArbiterStore, type StoreAnswer } from '../../../hypervisor/host/arbiter-store.ts';
import { REAL_DISK } from '../../../hypervisor/host/disk.ts';
import { asEpoch } from '../../../log-format/index.ts';
import {
  LIFE_FAULTS,
  type LifeFault,
  MortalDisk,
  Platter,
  type PowerCut,
} from '../../support/platter.ts';

const VM = 'kv-0badcafe';
let root = '';
let dir = '';
let open: ArbiterStore[] = [];
const failures: HvError[] = [];

/** What survives a power cut is the platter's affair: the disk behind it need not be one. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

beforeEach(() => {
  root = mkdtempSync(join(PLACE, 'hv-store-'));
  dir = join(root, 'views');
  failures.length = 0;
});
afterEach(async () => {
  for (const store of open) await store.close();
  open = [];
  rmSync(root, { recursive: true, force: true });
});

const path = (): string => join(dir, 'views.jsonl');

async function start(options: { compactBytes?: number } = {}) {
  const opened = await ArbiterStore.open({
    dir,
    changed: () => undefined,
    failed: (error) => failures.push(error),
    ...options,
  });
  open.push(opened.store);
  return opened;
}

async function stop(store: ArbiterStore): Promise<void> {
  await store.close();
  open = open.filter((one) => one !== store);
}

interface Ask {
  vm?: string;
  primary?: string;
  backups?: readonly string[];
  reserved?: boolean;
}

function claim(store: ArbiterStore, expected: number, token: string, ask: Ask = {}) {
  const { vm = VM, primary = 'a:1', backups = ['b:2'], reserved = false } = ask;
  const next = { epoch: asEpoch(expected + 1), primary, backups };
  return store.claim({ vm, expect: asEpoch(expected), next, token, reserved });
}

function brief(answer: StoreAnswer): string {
  const stored = 'stored' in answer ? answer.stored : undefined;
  return stored === undefined
    ? answer.type
    : `${answer.type} ${stored.view.epoch} ${stored.view.primary} ${stored.token}`;
}

describe('a store of views', () => {
  test('gives each epoch once, also when claims arrive together', async () => {
    const { store } = await start();
    const answers = await Promise.all(['x', 'y', 'z'].map((name) => claim(store, 0, name)));
    expect(answers.map(brief)).toEqual(['won 1 a:1 x', 'lost 1 a:1 x', 'lost 1 a:1 x']);
    expect(brief(await claim(store, 0, 'x'))).toBe('won 1 a:1 x');
    expect(brief(await claim(store, 1, 'y', { primary: 'b:2' }))).toBe('won 2 b:2 y');
    expect(brief(await claim(store, 0, 'x'))).toBe('lost 2 b:2 y');
    expect(brief(await claim(store, 5, 'w'))).toBe('ahead 2 b:2 y');
    expect(brief(await claim(store, 3, 'w', { vm: 'other' }))).toBe('ahead');
  });

  test('shows no view before it is on disk', async () => {
    const { store } = await start();
    const answer = claim(store, 0, 'x');
    expect(store.get(VM)).toBeUndefined();
    await answer;
    expect(store.get(VM)?.token).toBe('x');
  });

  test('remembers everything in its next life', async () => {
    const first = (await start()).store;
    await claim(first, 0, 'x');
    await claim(first, 1, 'y', { primary: 'b:2', backups: [], reserved: true });
    await claim(first, 0, 'z', { vm: 'ü/..' });
    const before = first.get(VM);
    await stop(first);
    const { store } = await start();
    expect(store.get(VM)).toEqual(before);
    expect(before).toMatchObject({ reserved: true, token: 'y' });
    expect(store.size).toBe(2);
    expect(brief(await claim(store, 1, 'y'))).toMatch(/^won 2/);
  });

  test('a reserved view is won by the claim for exactly it, and by one only', async () => {
    const { store } = await start();
    await claim(store, 0, 'x');
    await claim(store, 1, 'service', { primary: 'b:2', backups: [], reserved: true });
    expect(brief(await claim(store, 1, 'a'))).toBe('lost 2 b:2 service');
    expect(brief(await claim(store, 1, 'b', { primary: 'b:2' }))).toBe('lost 2 b:2 service');
    expect(brief(await claim(store, 1, 'b', { primary: 'b:2', backups: [] }))).toBe('won 2 b:2 b');
    expect(brief(await claim(store, 1, 'b', { primary: 'b:2', backups: [] }))).toBe('won 2 b:2 b');
    expect(brief(await claim(store, 1, 'c', { primary: 'b:2', backups: [] }))).toBe('lost 2 b:2 b');
    await stop(store);
    expect((await start()).store.get(VM)).toMatchObject({ reserved: false, token: 'b' });
  });

  test('writes its file anew when most of it is old', async () => {
    const { store } = await start({ compactBytes: 2_000 });
    for (let epoch = 0; epoch < 100; epoch++) await claim(store, epoch, `t${epoch}`);
    expect(statSync(path()).size).toBeLessThan(2_300);
    await stop(store);
    expect((await start()).store.get(VM)?.view.epoch).toBe(100);
  });

  test('is for its owner only', async () => {
    await start();
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });
});

describe('two arbiters', () => {
  test('never share a directory', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({
      code: 'HV_E_VIEWS_IN_USE',
      message: `process ${process.pid} keeps its views in ${dir}`,
    });
  });

  test('that meet past the lock leave the first one without a word', async () => {
    const first = (await start()).store;
    await claim(first, 0, 'x');
    rmSync(`${dir}.lock`);
    const second = (await start()).store;
    expect((await claim(first, 1, 'y')).type).toBe('unavailable');
    expect(failures.map(({ code }) => code)).toEqual(['HV_E_VIEWS_IN_USE']);
    expect(second.get(VM)?.view.epoch).toBe(1);
  });
});

describe('a file of views', () => {
  async function written(): Promise<Buffer> {
    const { store } = await start();
    await claim(store, 0, 'x');
    await claim(store, 1, 'y');
    await claim(store, 2, 'z');
    await stop(store);
    return readFileSync(path());
  }

  test('every cut of its last line is cut off, every other cut line is refused', async () => {
    const whole = await written();
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let bytes = lastLine; bytes < whole.length; bytes += 7) {
      writeFileSync(path(), whole.subarray(0, bytes));
      const { store, tornBytes } = await start();
      expect([tornBytes, store.get(VM)?.view.epoch]).toEqual([bytes - lastLine, 2]);
      await stop(store);
    }
    for (const bytes of [0, 1, 20]) {
      writeFileSync(path(), whole.subarray(0, bytes));
      await expect(start()).rejects.toMatchObject({ code: 'HV_E_VIEWS_DAMAGED', exitStatus: 122 });
    }
  });

  test('blocks of its last line that were never written make it torn', async () => {
    const whole = await written();
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    const torn = Buffer.from(whole);
    torn.fill(0, lastLine + 10, lastLine + 30);
    writeFileSync(path(), torn);
    expect((await start()).store.get(VM)?.view.epoch).toBe(2);
  });

  test('any changed bit is refused, except where it cannot be told from an unfinished write', async () => {
    const whole = await written();
    let refused = 0;
    for (let at = 0; at < whole.length - 1; at += 5) {
      const bad = Buffer.from(whole);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 7));
      if (bad[at] === 0) continue;
      writeFileSync(path(), bad);
      await expect(start(), `byte ${at}`).rejects.toMatchObject({ code: 'HV_E_VIEWS_DAMAGED' });
      refused += 1;
    }
    expect(refused).toBeGreaterThan(80);
    // What was refused is as it was.
    expect(readFileSync(path()).length).toBe(whole.length);
  });

  test('a line taken out or put in twice is refused', async () => {
    const { store } = await start();
    await claim(store, 0, 'x');
    await claim(store, 1, 'y');
    const lines = readFileSync(path(), 'utf8').split('\n');
    await stop(store);
    for (const some of [
      [0, 2],
      [0, 1, 1, 2],
      [0, 2, 1],
      [1, 2],
    ]) {
      writeFileSync(path(), some.map((at) => `${lines[at]}\n`).join(''));
      await expect(start()).rejects.toMatchObject({ code: 'HV_E_VIEWS_DAMAGED' });
    }
  });

  test('a line of somebody else behind the last is refused, and the lock is free again', async () => {
    await written();
    appendFileSync(path(), 'hello\n');
    await expect(start()).rejects.toMatchObject({ code: 'HV_E_VIEWS_DAMAGED' });
    expect(existsSync(`${dir}.lock`)).toBe(false);
  });
});

/** One life of an arbiter on a disk that fails at its nth operation. */
class Lives {
  readonly platter = new Platter(dir);
  /** Token that was answered `won`, by vm and epoch: for ever the only one. */
  readonly winners = new Map<string, string>();
  readonly seen = new Map<string, number>();
  #nth = 0;

  /** True: the fault came. Throws when a promise is broken. */
  async live(at: number, fault: LifeFault): Promise<boolean> {
    const disk = new MortalDisk(this.platter, at, fault);
    const life = this.#work(disk).catch((error: HvError) => {
      expect(['HV_E_VIEWS_WRITE']).toContain(error.code);
    });
    await Promise.race([life, disk.died]);
    rmSync(`${dir}.lock`, { force: true });
    return disk.hit;
  }

  async #work(disk: MortalDisk): Promise<void> {
    const { store } = await ArbiterStore.open({
      dir,
      disk,
      compactBytes: 700,
      changed: () => undefined,
      failed: () => undefined,
      clock: () => '2026-01-01T00:00:00.000Z',
    });
    for (const vm of ['p', 'q']) this.#look(store, vm);
    for (let round = 0; round < 3; round++) {
      const asked = ['p', 'q', 'p'].map(async (vm, index) => {
        const epoch = store.get(vm)?.view.epoch ?? 0;
        this.#nth += 1;
        const token = `${index}-${this.#nth}`;
        const answer = await claim(store, epoch, token, { vm, primary: `r${index}` });
        if (answer.type === 'won') this.#won(vm, answer.stored.view.epoch, answer.stored.token);
        if (answer.type === 'won') expect(answer.stored.token).toBe(token);
        return answer.type;
      });
      const answers = await Promise.all(asked);
      for (const vm of ['p', 'q']) this.#look(store, vm);
      if (answers.includes('unavailable')) return;
    }
    await store.close();
  }

  #won(vm: string, epoch: number, token: string): void {
    const key = `${vm} ${epoch}`;
    expect(this.winners.get(key) ?? token, `two winners of ${key}`).toBe(token);
    this.winners.set(key, token);
  }

  #look(store: ArbiterStore, vm: string): void {
    const stored = store.get(vm);
    const epoch = stored?.view.epoch ?? 0;
    expect(epoch, `a view of ${vm} is gone`).toBeGreaterThanOrEqual(this.seen.get(vm) ?? 0);
    this.seen.set(vm, epoch);
    // Shown is won: the next reader must find the same.
    if (stored !== undefined) this.#won(vm, epoch, stored.token);
  }
}

describe('a disk that fails', () => {
  const cuts: readonly [string, (seed: number) => PowerCut | undefined][] = [
    ['the process ends', () => undefined],
    ['the power goes, and with it all that was not synced', () => ({ type: 'worst' })],
    [
      'the power goes, and some of what was not synced is there',
      (seed) => ({ type: 'some', random: dice(seed) }),
    ],
  ];

  describe.each(cuts)('%s', (_what, cutOf) => {
    test.each(LIFE_FAULTS)(
      'no epoch is given twice and none is forgotten, fault %s at any operation',
      async (fault) => {
        let faults = 0;
        for (let at = 1; ; at++) {
          rmSync(root, { recursive: true, force: true });
          const lives = new Lives();
          const hit = await lives.live(at, fault);
          for (const again of [at, 0]) {
            const cut = cutOf(at * 7 + again);
            if (cut !== undefined && existsSync(dir)) lives.platter.cutPower(cut);
            await lives.live(again, fault);
          }
          if (!hit) break;
          faults += 1;
          expect(lives.winners.size).toBeGreaterThan(3);
        }
        expect(faults).toBeGreaterThan(20);
      },
    );
  });

  test('a claim whose write failed is open, and the arbiter ends', async () => {
    let broken = false;
    const disk = {
      ...REAL_DISK,
      openFile: (...args: Parameters<typeof REAL_DISK.openFile>) => {
        const file = REAL_DISK.openFile(...args);
        const failing = async () => {
          if (broken) throw new Error('EIO: i/o error');
        };
        return Object.assign(Object.create(file), {
          write: (some: readonly Uint8Array[]) => file.write(some),
          close: () => file.close(),
          sync: () => failing().then(() => file.sync()),
        });
      },
    };
    const { store } = await ArbiterStore.open({
      dir,
      disk,
      changed: () => undefined,
      failed: (error) => failures.push(error),
    });
    await claim(store, 0, 'x');
    broken = true;
    const answers = await Promise.all([claim(store, 1, 'y'), claim(store, 1, 'z')]);
    expect(answers.map(({ type }) => type)).toEqual(['unavailable', 'unavailable']);
    expect(failures).toMatchObject([{ code: 'HV_E_VIEWS_WRITE', exitStatus: 124 }]);
    expect((await claim(store, 0, 'x')).type).toBe('unavailable');
    expect(store.get(VM)?.view.epoch).toBe(1);
    await store.close();
  });
});

/** mulberry32. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
