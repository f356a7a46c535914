/** Says when others can read a log. Its mode is its owner's business and is not changed. */

import { widePaths } from '../host/file-modes.ts';
import { say } from './print.ts';

/** One line, however many files there are. */
export function warnOfWideModes(dir: string | undefined): void {
  const wide = dir === undefined ? [] : widePaths(dir);
  const [first] = wide;
  if (first === undefined || dir === undefined) return;
  const others = wide.length === 1 ? '' : ` and ${wide.length - 1} more`;
  say(
    `warning: other users may read this log: ${first.path} has mode ${first.mode}${others}. chmod -R go-rwx ${dir}`,
  );
}
