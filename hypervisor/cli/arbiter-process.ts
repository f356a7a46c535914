/** The process of `hv arbiter`: events, signals and exit status. */

import type { Micros } from '../../log-format/index.ts';
import { EXIT } from '../base/errors.ts';
import { isLoopback, parseAddress } from '../host/addresses.ts';
import { type ArbiterEvent, ArbiterHost } from '../host/arbiter-host.ts';
import { readTokenFile } from '../host/arbiter-token.ts';
import { data, explain, say } from './print.ts';

export interface ArbiterProcessOptions {
  readonly listen: string;
  readonly data: string;
  readonly tokenFile?: string;
  readonly json?: true;
}

export async function runArbiter(options: ArbiterProcessOptions): Promise<void> {
  const token = options.tokenFile === undefined ? undefined : readTokenFile(options.tokenFile);
  const host = await ArbiterHost.start({
    listen: options.listen,
    dir: options.data,
    token,
    event: (event, at) => tell(event, at, options),
    // Claims that wait are told so first.
    failed: (error) => setImmediate(() => process.exit(explain(error))),
  });
  const { host: name } = parseAddress(host.address, { what: 'our own address' });
  if (!isLoopback(name))
    say(
      'the token and the views are not encrypted on the way: keep this port on a network of your own',
    );
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      host.close().then(
        () => process.exit(EXIT.ok),
        (error: unknown) => process.exit(explain(error)),
      );
    });
}

function tell(event: ArbiterEvent, at: Micros, { json, data: dir }: ArbiterProcessOptions): void {
  const { evt, ...fields } = event;
  if (json) data(JSON.stringify({ evt, at, ...fields }));
  const line = words(event, dir);
  if (line !== undefined) say(line);
}

function words(event: ArbiterEvent, dir: string): string | undefined {
  switch (event.evt) {
    case 'arbiter.listening':
      return `arbiter listening on ${event.address}, views of ${event.vms} guests in ${dir}`;
    case 'arbiter.tail-cut':
      return `an unfinished write of ${event.bytes} bytes was cut: nobody had been told of it`;
    case 'view.changed': {
      const { epoch, primary, backups } = event.view;
      const others = backups.length === 0 ? 'no backup' : `backups ${backups.join(', ')}`;
      const why = event.by === 'claim' ? '' : '; the primary before it is dead';
      return `${event.vm}: epoch ${epoch}, primary ${primary}, ${others}${why}`;
    }
    case 'view-service.suspended':
      return 'this process was asleep: nobody is judged dead until all had time to ping';
    case 'arbiter.stopped':
      return 'arbiter stopped';
    case 'arbiter.failed':
      return undefined;
  }
}
