/** What becomes of a backup whose replay differed: a new copy beside the evidence, or its end. */

import { defined } from '../base/assert.ts';
import type { HvError } from '../base/errors.ts';
import { RECLONES_MAX } from '../base/limits.ts';
import type { BackupOutcome } from '../replica/hooks.ts';
import { Allowance } from './allowance.ts';
import type { CopyDirectory } from './copy-directory.ts';
import { worldError } from './promotion.ts';

export type Verdict =
  | { readonly type: 'anew' }
  | {
      readonly type: 'end';
      readonly outcome: BackupOutcome | undefined;
      readonly error: HvError | undefined;
    };

export class Reclones {
  readonly #allowance = new Allowance(RECLONES_MAX);
  readonly #trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;

  constructor(trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void) {
    this.#trouble = trouble;
  }

  /** A copy that differs is kept as evidence. Its host may be well all the same: a few new ones are granted. */
  take(copy: CopyDirectory | undefined, outcome: BackupOutcome): Verdict {
    if (outcome.type !== 'diverged') return { type: 'end', outcome, error: undefined };
    const { lsn, report } = outcome;
    const directory = defined(copy, 'a copy that differs has a directory');
    const { dir } = directory;
    try {
      directory.condemn({ lsn, report });
    } catch (error) {
      return { type: 'end', outcome: undefined, error: worldError(error) };
    }
    this.#trouble('copy.condemned', { lsn, report, dir });
    if (this.#allowance.next()) return { type: 'anew' };
    const often = `made anew ${RECLONES_MAX} times, this copy differs again; it is kept in ${dir}`;
    const full = { ...outcome, report: `${report}. ${often}` };
    return { type: 'end', outcome: full, error: undefined };
  }
}
