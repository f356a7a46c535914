/**
 * Runs `count` steps one after the other, each done when it calls back, and then `finished`. Steps
 * may call back before they return: a loop takes them then, where recursion would need a stack as
 * deep as the backlog.
 */
export function inTurn(
  count: number,
  run: (index: number, done: () => void) => void,
  finished: () => void,
): void {
  let index = 0;
  let looping = false;
  let again = false;
  const next = (): void => {
    again = true;
    if (looping) return;
    looping = true;
    while (again) {
      again = false;
      if (index === count) {
        looping = false;
        finished();
        return;
      }
      run(index++, next);
    }
    looping = false;
  };
  next();
}
