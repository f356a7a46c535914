import { expect, test } from 'vitest';
import { kindOf } from '../../../hypervisor/host/backup-status.ts';
import { asMicros } from '../../../log-format/index.ts';

const HOT = { priority: 0, hidden: false, chained: false, cold: false, warm: false };
const delay = asMicros(60_000_000);

test.each([
  [{}, 'hot'],
  [{ cold: true }, 'cold'],
  [{ cold: true, warm: true }, 'warm'],
  [{ hidden: true }, 'hidden'],
  [{ hidden: true, cold: true }, 'hidden, cold'],
  [{ hidden: true, chained: true }, 'chained'],
  [{ hidden: true, chained: true, cold: true, warm: true }, 'chained, warm'],
  // A delayed one is hidden and warm: that goes without saying.
  [{ hidden: true, cold: true, warm: true, delay }, 'delayed'],
  [{ hidden: true, chained: true, cold: true, warm: true, delay }, 'delayed, chained'],
])('a backup that was started with %o is %s', (given, kind) => {
  expect(kindOf({ ...HOT, delay: asMicros(0), ...given })).toBe(kind);
});
