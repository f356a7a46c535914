/** `hv cert new`: an authority of our own, and certificates by which replicas know each other. */

import type { Command } from 'commander';
import { repeatable } from '../options.ts';

interface CertOptions {
  readonly dir: string;
  readonly host: readonly string[];
  readonly renew?: true;
  readonly json?: true;
}

export function registerCert(program: Command): void {
  const cert = program
    .command('cert')
    .description('make certificates, by which replicas know each other (--tls-ca, --tls-cert)');
  cert
    .command('new')
    .description('make a certificate for each host, and the authority if there is none yet')
    .requiredOption('--dir <path>', 'where the authority is, and where certificates go')
    .addOption(
      repeatable(cert, {
        flags: '--host <name[,name...]>',
        means: 'names and addresses under which others reach one replica (repeatable)',
        none: 'none, and one is needed',
      }),
    )
    .option('--renew', 'replace certificates that exist; the authority stays')
    .option('--json', 'print JSON')
    .action(async (options: CertOptions) => {
      const { newCertificates } = await import('../cert-process.ts');
      newCertificates({
        ...options,
        renew: options.renew === true,
        json: options.json === true,
      });
    });
}
