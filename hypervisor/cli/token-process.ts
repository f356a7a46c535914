/** What `hv token` does. */

import { newToken, readTokens, writeNewToken } from '../host/token-file.ts';
import { data, say } from './print.ts';

interface Output {
  readonly json: boolean;
}

/** Throws HV_E_USAGE when the file exists. */
export function makeToken(file: string | undefined, { json }: Output): void {
  if (file === undefined) {
    const token = newToken();
    data(json ? JSON.stringify({ token }) : token);
    return;
  }
  writeNewToken(file);
  const ids = readTokens(file).map(({ identity }) => identity);
  if (json) data(JSON.stringify({ file, ids }));
  else say(`wrote the token ${ids.join(', ')} to ${file}; give every replica a copy of it`);
}

/** The first is the one replicas show, the others they accept. Throws HV_E_SECURITY_FILE. */
export function printTokenIds(file: string, { json }: Output): void {
  const ids = readTokens(file).map(({ identity }) => identity);
  data(json ? JSON.stringify({ file, ids }) : ids.join('\n'));
}
