/** What `hv cert new` does. */

import { HvError } from '../base/errors.ts';
import { makeCertificates } from '../host/certificate-store.ts';
import { data, say } from './print.ts';

/** Prints one line with the three options for each replica, ready to be pasted. */
export function newCertificates(options: {
  readonly dir: string;
  /** `name,name`: of one replica each. */
  readonly host: readonly string[];
  readonly renew: boolean;
  readonly json: boolean;
}): void {
  const { dir, renew, json } = options;
  const replicas = options.host.map((names) => names.split(',').filter((name) => name !== ''));
  if (replicas.length === 0 || replicas.some((names) => names.length === 0))
    throw new HvError('HV_E_USAGE', '--host needs a name or an address');
  const made = makeCertificates({ dir, replicas, renew });
  if (json) {
    data(JSON.stringify(made));
    return;
  }
  if (made.caMade)
    say(`made an authority in ${dir}; whoever has its ca-key.pem can become a replica`);
  for (const { cert, key } of made.leaves)
    data(`--tls-ca ${made.ca} --tls-cert ${cert} --tls-key ${key}`);
}
