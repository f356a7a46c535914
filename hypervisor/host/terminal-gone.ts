/** Tells a terminal that has hung up from an operator who sends SIGHUP. */

import { isatty } from 'node:tty';

const STANDARD = [0, 1, 2];
const terminalsAtStart = STANDARD.filter((fd) => isatty(fd));

/** True when a standard stream was a terminal at the start of this process and is none any more. */
export function terminalIsGone(): boolean {
  // The kernel takes the terminal away before it sends the signal.
  return terminalsAtStart.some((fd) => !isatty(fd));
}
