/**
 * Stories that take long and whose like the gate has already: run with `HV_LONG=1 npm test`, before a release
 * and when their subject has changed.
 */

import { test } from 'vitest';

export const LONG: boolean = process.env.HV_LONG === '1';

export const longTest: ReturnType<typeof test.skipIf> = test.skipIf(!LONG);
