/**
 * `hv/guest`: promises that come true when what the guest has done is as safe as it asks. The answer
 * is an interrupt; a promise outlives the replica it was made on, because it is guest memory.
 */

import { COMMIT_LEVELS } from '../log-format/abi.ts';
import { traps } from './drivers/traps.ts';
import { handleClosed, handleOpened } from './loop.ts';
import { validateOneOf } from './node/validators.ts';

const waiting = new Map<number, () => void>();

/** Resolves when everything up to this call is as safe as `level`; keeps the process alive until then. */
export async function commit(level: unknown): Promise<void> {
  validateOneOf(level, 'level', ['async', ...COMMIT_LEVELS]);
  if (level === 'async') return;
  await new Promise<void>((resolve) => {
    handleOpened();
    waiting.set(traps.commit((COMMIT_LEVELS as readonly unknown[]).indexOf(level)), resolve);
  });
}

/** The machine's answer to one of them. */
export function committed(id: number): void {
  const resolve = waiting.get(id);
  if (resolve === undefined) return;
  waiting.delete(id);
  handleClosed();
  resolve();
}
