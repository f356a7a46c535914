/** What stories ask for besides the history: plain assertions that need no test runner. */

import { type Member, WAIT_MS } from '../support/cluster.ts';
import type { HvExit } from '../support/hv-process.ts';
import { KvClient } from '../support/kv-client.ts';
import { within } from '../support/recording-clients.ts';
import { Broken } from './judge.ts';

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what);
}

export function mustNotSay({ name, process }: Member, ...events: readonly string[]): void {
  const said = process.events.find(({ evt }) => events.includes(evt));
  must(said === undefined, `${name} says ${said?.evt} although it must not`);
}

/** A deposed primary leaves by itself, with its own exit status. */
export async function mustBeFenced({ name, process }: Member): Promise<HvExit> {
  const exit = await within(WAIT_MS, process.exited, `${name}, which was deposed, does not end`);
  must(exit.code === 121, `${name} was deposed and left with ${exit.code ?? exit.signal}, not 121`);
  return exit;
}

/** Nobody listens there: a replica that may not serve does not even take connections. */
export async function mustRefuse(port: number): Promise<void> {
  let client: KvClient | undefined;
  try {
    client = await KvClient.open(port);
  } catch {
    return;
  }
  client.close();
  throw new Broken(`somebody serves at port ${port}`);
}
