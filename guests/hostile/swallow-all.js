'use strict';
/** Catches everything, in every way there is, and goes on. */

process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});
const dive = () => {
  try {
    return dive() + 1;
  } catch {
    return 0;
  } finally {
    for (const never of []) dive(never);
  }
};
outer: for (;;) {
  try {
    dive();
    throw new Error('again');
  } catch {
    continue outer;
  } finally {
    // biome-ignore lint/correctness/noUnsafeFinally: the point of this guest
    continue outer;
  }
}
