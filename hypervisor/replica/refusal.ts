/** Whether this host can shadow a guest: a replay under another machine is no replay. */

import type { Hello } from '../protocol/backup-events.ts';
import { PROTOCOL_VERSION } from '../protocol/messages.ts';

export type HostIdentity = Pick<
  Hello,
  'hvVersion' | 'engineHash' | 'helperHash' | 'machineVersion'
>;

/** The reason to refuse a hello, in words for the operator of the primary; undefined if there is none. */
export function refusalOf(hello: Hello, own: HostIdentity): string | undefined {
  if (hello.protocol !== PROTOCOL_VERSION) {
    return `protocol ${hello.protocol} there, ${PROTOCOL_VERSION} here; run the same hv version`;
  }
  if (hello.machineVersion !== own.machineVersion) {
    return `machine version ${hello.machineVersion} there, ${own.machineVersion} here`;
  }
  if (hello.engineHash !== own.engineHash || hello.helperHash !== own.helperHash) {
    return `another engine build: hv ${hello.hvVersion} there, ${own.hvVersion} here`;
  }
  return undefined;
}
