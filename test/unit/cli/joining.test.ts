import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { HvError } from '../../../hypervisor/base/errors.ts';
import { Joining, type JoiningOptions } from '../../../hypervisor/cli/joining.ts';
import { formatAddress } from '../../../hypervisor/host/addresses.ts';
import { answerJoin } from '../../../hypervisor/host/answer-join.ts';
import { LinkListener } from '../../../hypervisor/host/link.ts';
import { LinkSecurity, LOCAL_ONLY } from '../../../hypervisor/host/tls.ts';
import { newToken, pskOf } from '../../../hypervisor/host/token-file.ts';

const OWN = '127.0.0.1:7702';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A replica that answers whoever asks to be dialled with `reason`; undefined: with nothing. */
async function replica(reason?: string, security: LinkSecurity = LOCAL_ONLY): Promise<string> {
  const listener = await LinkListener.listen('127.0.0.1:0', {
    onLink: (incoming) => answerJoin(incoming, () => reason),
    security,
  });
  closers.push(() => listener.close());
  return formatAddress(listener.address);
}

/** How asking `address` ends without patience, and what is said before. */
async function join(
  address: string,
  more: Partial<JoiningOptions> & { readonly during?: (joining: Joining) => void } = {},
): Promise<{ readonly error: HvError; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const error = await new Promise<HvError>((failed) => {
    const joining = new Joining([address], {
      ...{ own: OWN, security: LOCAL_ONLY, path: '/join', patienceMs: 0 },
      tell: (line) => lines.push(line),
      failed,
      ...more,
    });
    joining.ask();
    more.during?.(joining);
  });
  return { error, lines };
}

describe('a backup that asks to join', () => {
  it('ends with what the replica says of itself', async () => {
    const address = await replica('it is a backup itself');
    const { error, lines } = await join(address);
    expect(lines).toEqual([`${address}: it is a backup itself`]);
    expect(error).toMatchObject({
      code: 'HV_E_JOIN',
      message: `${address} did not take this backup: it is a backup itself`,
    });
  });

  it('that is asked and not dialled names the address that has to be reached', async () => {
    const { error } = await join(await replica());
    expect(error.code).toBe('HV_E_JOIN');
    expect(error.message).toContain(`has not connected to ${OWN}: can it reach that address?`);
  });

  it('that cannot shadow the guest of who dials ends with that', async () => {
    const address = await replica();
    const reason = 'the arbiter x cannot be used here';
    const { error } = await join(address, {
      patienceMs: 60_000,
      during: (joining) => joining.noted({ type: 'declined', peer: 'primary-1', reason }),
    });
    expect(error.code).toBe('HV_E_JOIN');
    expect(error.message).toBe(`this backup cannot shadow the guest of ${address}: ${reason}`);
  });

  it('without the token of the primary hears that it is the authentication', async () => {
    const { error } = await join(
      await replica(undefined, new LinkSecurity({ mode: 'token', keys: [pskOf(newToken())] })),
    );
    expect(error.code).toBe('HV_E_LINK_AUTH');
    expect(error.message).toContain('does it want a token');
  });

  it('of nobody hears that nobody listens', async () => {
    const vacant = createServer().listen(0, '127.0.0.1');
    await once(vacant, 'listening');
    const { port } = vacant.address() as { port: number };
    vacant.close();
    await once(vacant, 'close');
    const { error } = await join(`127.0.0.1:${port}`);
    expect(error).toMatchObject({ code: 'HV_E_JOIN' });
    expect(error.message).toContain('nobody listens there');
  });
});
