import { describe, expect, test } from 'vitest';
import {
  DOCTOR_ARBITER_MS,
  DOCTOR_CLOCK_MS,
  DOCTOR_DISK_BYTES_FAIL,
  DOCTOR_DISK_BYTES_WARN,
  DOCTOR_MEMORY_BYTES,
  DOCTOR_RTT_MS,
  DOCTOR_SYNC_P99_MS,
} from '../../../hypervisor/base/tool-limits.ts';
import {
  type Finding,
  judgeArbiter,
  judgeDisk,
  judgeMachine,
  judgeNode,
  judgePeer,
  judgePort,
  judgeSteps,
  judgeSyncs,
  type PeerFacts,
  verdictOf,
} from '../../../hypervisor/cli/doctor/findings.ts';
import { lineOf } from '../../../hypervisor/cli/doctor/run.ts';
import { PROTOCOL_VERSION } from '../../../hypervisor/protocol/messages.ts';
import { refusalOf } from '../../../hypervisor/replica/refusal.ts';

const states = (findings: readonly Finding[]) => findings.map(({ state }) => state);

test('a Node is too old, at its end, or well', () => {
  const versions = ['18.20.0', '20.19.9', '20.20.2', '21.0.0', '22.12.0', '24.1.0'];
  expect(states(versions.map(judgeNode))).toEqual(['fail', 'fail', 'warn', 'warn', 'ok', 'ok']);
});

test('a machine has too little memory, one CPU, or enough', () => {
  const free = DOCTOR_MEMORY_BYTES;
  const one = (cpus: number, freeBytes: number) => judgeMachine({ cpus, freeBytes });
  expect(states([one(2, free), one(1, free), one(2, free - 1)])).toEqual(['ok', 'warn', 'warn']);
});

test('a disk that syncs slowly once in a hundred times is reported, one that refuses fails', () => {
  const times = Array.from({ length: 50 }, () => 0.2);
  const slow = [...times.slice(1), DOCTOR_SYNC_P99_MS + 1];
  expect(judgeSyncs('d', times)).toMatchObject({
    state: 'ok',
    figures: { p50Ms: 0.2, p99Ms: 0.2 },
  });
  expect(judgeSyncs('d', slow)).toMatchObject({
    state: 'warn',
    figures: { p50Ms: 0.2, p99Ms: 21 },
  });
  expect(judgeSyncs('d', 'EACCES')).toMatchObject({ state: 'fail', text: 'd: EACCES' });
});

test('a disk is full, nearly full, or not', () => {
  const bytes = [DOCTOR_DISK_BYTES_FAIL - 1, DOCTOR_DISK_BYTES_WARN - 1, DOCTOR_DISK_BYTES_WARN];
  expect(states(bytes.map((free) => judgeDisk('d', free)))).toEqual(['fail', 'warn', 'ok']);
});

test('a port that the own replica has is not taken', () => {
  const taken = (byOwn: boolean) => judgePort('a:1', { reason: 'EADDRINUSE', byOwn });
  expect(states([judgePort('a:1', undefined), taken(true), taken(false)])).toEqual([
    'ok',
    'ok',
    'fail',
  ]);
});

test('a wall clock that steps either way is reported', () => {
  expect(states([0, 49, 51, -51].map(judgeSteps))).toEqual(['ok', 'ok', 'warn', 'warn']);
});

describe('an arbiter', () => {
  const judge = (facts: Partial<Parameters<typeof judgeArbiter>[0]>) =>
    judgeArbiter({
      ...{ url: 'http://c:7800', needed: true, answers: [1, 2, 3], misplaced: undefined },
      ...{ mayBeColocated: false, ...facts },
    }).state;

  test('is needed beyond one machine', () => {
    expect(judge({ url: undefined })).toBe('fail');
    expect(judge({ url: undefined, needed: false })).toBe('warn');
  });

  test('that does not answer, or dies with a replica, promotes nobody', () => {
    expect(judge({})).toBe('ok');
    expect(judge({ answers: 'ECONNREFUSED' })).toBe('fail');
    expect(judge({ misplaced: 'it is here' })).toBe('fail');
    expect(judge({ misplaced: 'it is here', mayBeColocated: true })).toBe('warn');
    expect(judge({ answers: [DOCTOR_ARBITER_MS + 1] })).toBe('warn');
  });
});

describe('a peer', () => {
  const judge = (facts: Partial<PeerFacts>) =>
    judgePeer(
      {
        ...{ address: 'b:1', connects: [1, 2, 3], refused: undefined, said: undefined },
        ...{ clock: undefined, ...facts },
      },
      '1.0.0',
    );

  test('that cannot be reached or takes no link cannot take over', () => {
    expect(judge({ connects: 'ECONNREFUSED' }).state).toBe('fail');
    expect(judge({ refused: 'it does not accept our token' }).state).toBe('fail');
    expect(judge({}).state).toBe('ok');
  });

  test('that is idle says its version, and is told apart by it', () => {
    const hello = {
      protocol: PROTOCOL_VERSION,
      machineVersion: 1,
      engineHash: 'x',
      helperHash: 'x',
    };
    const said = (hvVersion: string) =>
      refusalOf({ ...hello, hvVersion: '1.0.0' } as Parameters<typeof refusalOf>[0], {
        ...{ hvVersion, machineVersion: 1, engineHash: 'y', helperHash: 'x' },
      });
    expect(judge({ said: said('1.0.0') })).toMatchObject({
      state: 'ok',
      text: '2.00 ms away, hv 1.0.0',
    });
    expect(judge({ said: said('0.9.0') })).toMatchObject({
      state: 'warn',
      text: '2.00 ms away, hv 0.9.0, here 1.0.0',
    });
  });

  test('whose protocol or machine does not fit, or who refuses the arbiter, cannot take over', () => {
    expect(judge({ said: 'protocol 2 there, 3 here; run the same hv version' }).state).toBe('fail');
    expect(judge({ said: 'machine version 2 there, 3 here' }).state).toBe('fail');
    expect(judge({ said: "the arbiter http://b:1 is on the backup's host" }).state).toBe('fail');
    expect(judge({ said: 'follows a primary of epoch 4 already' }).state).toBe('ok');
  });

  test('whose clock is surely off either way is reported, and one that may be right is not', () => {
    const clock = (lowMs: number, highMs: number) => judge({ clock: { lowMs, highMs } }).state;
    expect(clock(-900, 150)).toBe('ok');
    expect(clock(DOCTOR_CLOCK_MS + 1, DOCTOR_CLOCK_MS + 1_100)).toBe('warn');
    expect(clock(-9_000, -DOCTOR_CLOCK_MS - 1)).toBe('warn');
  });

  test('that is far away is reported', () => {
    expect(judge({ connects: [DOCTOR_RTT_MS + 1] }).state).toBe('warn');
  });
});

describe('the verdict', () => {
  const finding = (state: Finding['state'], check: string): Finding => ({
    check,
    state,
    text: 't',
  });

  test('is no with any failure and without a peer, and says why', () => {
    const findings = [finding('warn', 'a'), finding('fail', 'b'), finding('fail', 'c')];
    expect(verdictOf(findings, 1)).toEqual({ able: false, text: 'NO failover: b: t' });
    expect(verdictOf([], 0)).toMatchObject({ able: false });
  });

  test('is yes with warnings', () => {
    expect(verdictOf([finding('warn', 'a'), finding('ok', 'b')], 1)).toEqual({
      able: true,
      text: 'this pair can fail over, with 1 warning',
    });
  });
});

test('a line has the state, what was found and, below it, what to do', () => {
  expect(lineOf({ check: 'disk', state: 'warn', text: 'full', todo: 'free it' })).toBe(
    'warn  disk: full\n      free it',
  );
});
