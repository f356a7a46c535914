/** The key options of this process, for another one that keeps the same guest's log on this host. */

import { logKeys } from '../host/log-keys.ts';
import { signKey } from '../host/sign-keys.ts';

/** Its log is kept as ours is. */
export function keyArguments(): string[] {
  const sealing = logKeys();
  const signing = signKey();
  return [
    ...(sealing === undefined ? [] : ['--log-key-file', sealing.file]),
    ...(signing === undefined ? [] : ['--sign-key-file', signing.file]),
  ];
}
