import { describe, expect, test } from 'vitest';
import { frameOf } from '../../../hypervisor/cli/screen.ts';
import { statusLines } from '../../../hypervisor/cli/status-report.ts';
import {
  duration,
  failoverWords,
  lossWords,
  protectionWords,
} from '../../../hypervisor/cli/status-text.ts';
import { topLines, topRows } from '../../../hypervisor/cli/top.ts';
import { forecastOfBackup, forecastOfPrimary } from '../../../hypervisor/host/forecast.ts';

const UP = { up: true, reason: undefined };
const DOWN = { up: false, reason: 'no answer within 1000 ms' };
const SINCE = '2026-11-27T10:00:00.000Z';

const one = { peer: 'b:1', state: 'gated', lsnAcked: 90, lsnReplayed: 80 };
const two = { peer: 'b:2', state: 'gated', lsnAcked: 95, lsnReplayed: 70 };
const primary = {
  live: true,
  viewBackups: ['b:1', 'b:2'],
  backups: [one, two],
  lsnAppended: 100,
  arbiter: UP,
  detectMs: 150,
  byRank: false,
};

const copy = { synced: true, phase: 'following', counts: true, kind: 'hot', cold: false };

describe('what a failover would do now', () => {
  test('is told with the backup that holds most of the log, and what it has to replay', () => {
    const failover = forecastOfPrimary(primary);
    expect(failover).toMatchObject({ possible: true, winner: 'b:2', records: 30 });
    expect(failoverWords({ failover })).toBe(
      'possible now: b:2 would take over after replaying 30 records (some 1.0 ms), at once if its link closes, after 150 ms of silence otherwise',
    );
  });

  test('among those that hold as much, it is the one that has replayed most', () => {
    const backups = [{ ...two, lsnAcked: 90 }, one];
    expect(forecastOfPrimary({ ...primary, backups })).toMatchObject({ winner: 'b:1' });
  });

  test('where each backup must have everything, it is the first of the view that is there', () => {
    const byRank = { ...primary, byRank: true };
    expect(forecastOfPrimary(byRank)).toMatchObject({ winner: 'b:1' });
    const backups = [{ ...one, state: 'lost' }, two];
    expect(forecastOfPrimary({ ...byRank, backups })).toMatchObject({ winner: 'b:2' });
  });

  test('begins with a machine where the one that would take over has none', () => {
    const backups = [{ ...one, lsnReplayed: 0, cold: true }];
    const own = { ...copy, cold: true, arbiter: UP, detectMs: undefined, lag: 0, replayRate: 0 };
    const started = 'after starting a machine and replaying';
    expect(failoverWords({ failover: forecastOfPrimary({ ...primary, backups }) })).toContain(
      `b:1 would take over ${started} 100 records`,
    );
    expect(failoverWords({ failover: forecastOfBackup(own) })).toContain(`${started} 0 records`);
  });

  test('is not known before the arbiter was asked, which is no word of an arbiter that is down', () => {
    const arbiter = { up: undefined, reason: undefined };
    const own = forecastOfBackup({ ...copy, arbiter, detectMs: 1, lag: 0, replayRate: 0 });
    for (const failover of [forecastOfPrimary({ ...primary, arbiter }), own]) {
      expect(failover.possible).toBe(false);
      expect(failoverWords({ failover })).toBe('not known yet: the arbiter was not asked yet');
    }
  });

  test('is nothing by itself for a backup that by design is in no view', () => {
    const never = { ...copy, synced: false, counts: false, kind: 'delayed', arbiter: UP };
    const failover = forecastOfBackup({ ...never, detectMs: 1, lag: 0, replayRate: 0 });
    expect(failover.possible).toBe(false);
    expect(failoverWords({ failover })).toBe(
      'this backup never takes over by itself (delayed); hv promote --force makes it primary',
    );
  });

  test.each([
    [{ arbiter: DOWN }, 'the arbiter does not answer: no answer within 1000 ms'],
    [{ arbiter: undefined }, 'no arbiter: nobody decides who goes on'],
    [{ live: false }, 'this primary is not live yet'],
    [{ viewBackups: [], backups: [] }, 'no backup is in the view'],
    [
      { viewBackups: [], backups: [{ ...one, state: 'streaming' }] },
      'the backup b:1 is not in the view yet (streaming)',
    ],
    [
      {
        viewBackups: [],
        backups: [
          { ...two, hidden: true },
          { ...one, state: 'streaming' },
        ],
      },
      'the backup b:1 is not in the view yet (streaming)',
    ],
    [
      { viewBackups: [], backups: [{ ...one, hidden: true }] },
      'no backup is in the view, and b:1 by design never is',
    ],
    [{ backups: [{ ...one, state: 'lost' }] }, 'every backup of the view is lost'],
    // Joined, but not named: it may not win whatever it holds.
    [{ viewBackups: ['b:9'] }, 'every backup of the view is lost'],
  ])('is nothing with %o', (given, why) => {
    const failover = forecastOfPrimary({ ...primary, ...given });
    expect(failoverWords({ failover })).toBe(`IMPOSSIBLE now: ${why}`);
  });

  test('is told by a backup with its own measured pace', () => {
    const given = { ...copy, arbiter: UP, detectMs: undefined };
    const failover = forecastOfBackup({ ...given, lag: 2000, replayRate: 10_000 });
    expect(failoverWords({ failover })).toBe(
      'possible now: this backup would take over after replaying 2,000 records (some 200 ms)',
    );
    expect(failoverWords({ failover: forecastOfBackup({ ...given, lag: 0, replayRate: 0 }) })).toBe(
      'possible now: this backup would take over with nothing left to replay',
    );
    const joining = forecastOfBackup({ ...given, synced: false, lag: 0, replayRate: 0 });
    expect(failoverWords({ failover: joining })).toContain('not in the view yet (following)');
  });
});

describe('protection', () => {
  test('is one word, since when, and who was lost', () => {
    const lost = [{ peer: 'b:1', reason: 'silent' }];
    const protection = { protected: false, forMs: 41_000, since: SINCE, lost };
    expect(protectionWords({ protection })).toBe(
      `UNPROTECTED for 41 s (since ${SINCE}); b:1 was lost: silent`,
    );
    expect(protectionWords({ protection: { ...protection, protected: true, lost: [] } })).toBe(
      `PROTECTED for 41 s (since ${SINCE})`,
    );
  });

  test('promises to lose nothing only while there is a backup', () => {
    expect(lossWords({ protection: { protected: true } })).toMatch(/^RPO 0: .*; RTO not measured/);
    expect(lossWords({ protection: { protected: false } })).toMatch(/^RPO: this replica's log is/);
  });

  test('has the RTO of the last failover, by phase', () => {
    const times = { detect: 50, claim: 3, tail: 4, live: 1, firstOutput: 6 };
    const status = {
      protection: { protected: true },
      lastFailover: { cause: 'silent', times },
    };
    expect(lossWords(status)).toContain(
      'RTO 64 ms at the last failover (silent: detect 50 ms, claim 3.0 ms, tail 4.0 ms, live 1.0 ms, first output 6.0 ms)',
    );
  });

  test.each([
    ['switchover', 'a switchover made this replica primary, 5.0 ms after the handover'],
    ['forced', 'hv promote --force made this replica primary, 5.0 ms after the word'],
  ])('has no RTO of a failover after a %s, and says what it took', (cause, words) => {
    const lastFailover = { cause, times: { tail: 4, live: 1 } };
    const said = lossWords({ protection: { protected: true }, lastFailover });
    expect(said).toContain(`RTO of a failover not measured: ${words} (tail 4.0 ms, live 1.0 ms)`);
  });

  test.each([
    [119_000, '119 s'],
    [7_199_000, '119 min'],
    [172_799_000, '47 h'],
    [172_800_000, '2 d'],
  ])('%i ms are %s', (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});

describe('a backup', () => {
  const protection = { protected: false, forMs: 41_000, since: SINCE, lost: [], degradations: 0 };
  const late = {
    ...{ kind: 'delayed', counts: false, follows: 'a:1', phase: 'following', epoch: 3 },
    ...{ cold: true, lsnReceived: 1_234, lsnSnapshot: 1_200, toReplay: 34, delayMs: 600_000 },
  };
  const said = (replication: object, isProtected = false): string =>
    statusLines({
      ...{ name: 'kv', role: 'backup', pid: 7, vm: 'kv-1', script: 'kv.js', replication },
      protection: { ...protection, protected: isProtected },
    }).join('\n');

  test('that is in no view by design is not called unprotected, and says what it is for', () => {
    const words = said(late);
    expect(words).not.toMatch(/UNPROTECTED|only one|RTO/);
    expect(words).toContain('kv: backup (delayed), pid 7');
    expect(words).toContain(
      'by design in no view (delayed): it is not counted as protection; it follows a:1',
    );
    expect(words).toContain(
      'RPO of a promotion by force: what the primary has done behind lsn 1,234, and what is taken back with it',
    );
    expect(words).toContain('a promotion, which replays 34 records behind its snapshot of 1,200');
    expect(words).toContain('10 min by design: hv promote --force goes back as far');
  });

  test('that is cold and in the view protects, and says what it would have to replay', () => {
    const words = said(
      { ...late, kind: 'cold', counts: true, delayMs: 0, lsnSnapshot: undefined, toReplay: 1_234 },
      true,
    );
    expect(words).toContain(`PROTECTED for 41 s (since ${SINCE}): in the view; it follows a:1`);
    expect(words).toContain('RPO 0: no output leaves before a backup has its cause');
    expect(words).toContain('which replays 1,234 records');
    expect(words).not.toContain('RTO');
  });

  test.each([
    ['following', 'it follows a:1'],
    ['deciding', 'a:1 is gone, and it finds out who goes on'],
    ['parted', 'it follows nobody, and keeps its copy until a primary dials'],
    ['diverged', 'its replay differs: its machine is never promoted'],
  ])(
    'that is %s and not in the view says so, and not that the guest is unprotected',
    (phase, words) => {
      const lines = said({ ...late, kind: 'hot', counts: true, cold: false, phase });
      expect(lines).toContain(`NOT IN THE VIEW: nobody counts on it; ${words}`);
      expect(lines).not.toContain('UNPROTECTED');
    },
  );
});

describe('a primary', () => {
  const rule = { level: 'received', quorum: 0, onLoss: 'continue' };
  const view = { epoch: 3, primary: 'a:1', backups: ['b:1'] };
  const said = (replication: object, isProtected: boolean): string =>
    statusLines({
      ...{ name: 'kv', role: 'primary', pid: 7, vm: 'kv-1', script: 'kv.js' },
      replication: { view, rule, backups: [], ...replication },
      protection: { protected: isProtected, forMs: 41_000, since: SINCE, lost: [] },
    }).join('\n');

  test('promises no RPO of 0 where no output waits for a backup', () => {
    expect(said({}, true)).toContain('RPO 0: no output leaves before');
    const loose = said({ rule: { ...rule, level: 'async' } }, true);
    expect(loose).toContain('RPO: what is under way, for with --ack async no output waits');
  });

  test('that may not run alone says what is held, and until when', () => {
    const alone = said(
      { view: { ...view, backups: [] }, lacksBackups: true, heldBytes: 64 },
      false,
    );
    expect(alone).toContain('UNPROTECTED for 41 s');
    expect(alone).toContain(
      'nothing leaves before there are enough backups (--on-backup-loss stop)',
    );
    expect(alone).toContain('64 bytes of output, until there are enough backups');
    expect(alone).toContain("RPO 0: this replica's log is the only one, and nothing leaves");
  });

  test('tells backups that are by design in no view, or run nothing, from those that are behind', () => {
    const hidden = {
      peer: 'b:2',
      state: 'observing',
      hidden: true,
      cold: true,
      lsnAcked: 9,
      lag: 0,
    };
    const words = said({ view: { ...view, backups: [] }, backups: [hidden] }, false);
    expect(words).toContain(
      'b:2 observing, by design in no view: acked 9, runs nothing by design (lag 0)',
    );
    expect(words).toContain('none in the view: UNPROTECTED');
  });
});

test('a status of a replica that tells nothing of all this has no line for it', () => {
  const lines = statusLines({ name: 'kv', role: 'backup', pid: 7, vm: 'kv-1', script: 'kv.js' });
  expect(lines.filter((line) => /state|failover|arbiter|latency|admin/.test(line))).toEqual([]);
});

describe('hv top', () => {
  const status = (ticks: number, acks: number) => ({
    ...{ name: 'kv', vm: 'kv-1', role: 'primary', pid: 7 },
    totals: { ticks, acks, diskBytes: 10 * acks },
    protection: { protected: true, forMs: 5_000 },
    replication: { view: { epoch: 3 }, backups: [{ lag: 2 }, { lag: 9 }] },
    latency: { ackP50Ms: 0.123, ackP99Ms: 4.1 },
    outputs: { held: 1 },
    arbiter: { up: false },
    failover: { possible: false, why: 'it is down' },
  });

  test('divides what was counted by the time between two looks', () => {
    const before = [{ status: status(1_000, 10), at: 100 }];
    const [row] = topRows([{ status: status(5_000, 30), at: 2_100 }], before);
    expect(row).toMatchObject({ ticksPerSecond: 2_000, acksPerSecond: 10, logBytesPerSecond: 100 });
    expect(row).toMatchObject({ lagRecords: 9, epoch: 3, arbiter: 'DOWN', state: 'protected' });
  });

  test('takes nothing of a process that was there before under the same name', () => {
    const before = [{ status: { ...status(9_000, 90), pid: 6 }, at: 100 }];
    const [row] = topRows([{ status: status(1_000, 10), at: 2_100 }], before);
    expect([row?.ticksPerSecond, row?.acksPerSecond]).toEqual([null, null]);
  });

  test('is a table whose columns line up, with what a failover would do below', () => {
    const rows = topRows([{ status: status(0, 0), at: 0 }], []);
    const [head = '', line = '', , foot] = topLines(rows, { dir: '.hv', keys: true });
    expect(line.indexOf('primary')).toBe(head.indexOf('ROLE'));
    expect(line.indexOf('0.12 ms/4.1 ms')).toBe(head.indexOf('ACK P50/P99'));
    expect(foot).toBe('  kv: failover IMPOSSIBLE now: it is down');
    expect(topLines([], { dir: '.hv', keys: false }).at(-1)).toBe('no replica runs below .hv');
  });

  test('draws no more than fits, leaves nothing of an older page, and moves no cursor of its own', () => {
    const frame = frameOf(['abcdef', 'e\x1b[2Jvil', 'three', 'four'], { columns: 4, rows: 3 });
    expect(frame).toBe('\x1b[Habcd\x1b[K\r\ne[2J\x1b[K\x1b[J');
  });
});
