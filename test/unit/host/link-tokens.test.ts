/** What becomes of open links when the token they were opened with is changed or withdrawn. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TOKEN_WITHDRAWN_MS } from '../../../hypervisor/base/limits.ts';
import type { LinkListener } from '../../../hypervisor/host/link.ts';
import type { LinkSecurity } from '../../../hypervisor/host/tls.ts';
import { newToken } from '../../../hypervisor/host/token-file.ts';
import { WsLink } from '../../../hypervisor/host/ws-link.ts';
import { type Dialled, dial, echoListener, until } from '../../support/link-lab.ts';
import { tokenFile, tokenSecurity } from '../../support/secured.ts';

const [OLD, NEW] = [newToken(), newToken()];

let dir: string;
let listener: LinkListener | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-link-tokens-'));
  // Sockets are real, the wait for the other host is not.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await listener?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** One end of a link, and its token file. */
interface Host {
  readonly security: LinkSecurity;
  reads(...tokens: string[]): void;
}

function host(name: string, ...tokens: string[]): Host {
  const security = tokenSecurity(join(dir, name), tokens);
  return {
    security,
    reads: (...all) => {
      tokenFile(join(dir, name), all);
      security.reload();
    },
  };
}

async function linked(): Promise<{ a: Host; b: Host; link: Dialled; address: string }> {
  const [a, b] = [host('a', OLD), host('b', OLD)];
  const served = await echoListener({ security: a.security });
  listener = served.listener;
  const link = dial(served.address, b.security);
  await link.echo();
  return { a, b, link, address: served.address };
}

/** Whether it is still open when the time for the other host is over. */
async function outlives({ echo }: Dialled): Promise<boolean> {
  await echo();
  vi.advanceTimersByTime(TOKEN_WITHDRAWN_MS);
  return echo().then(
    () => true,
    () => false,
  );
}

describe('a link stays', () => {
  test('when its token is changed in three steps, on one host after the other', async () => {
    const { a, b, link } = await linked();
    for (const step of [[OLD, NEW], [NEW, OLD], [NEW]])
      for (const one of [a, b]) {
        one.reads(...step);
        expect(await outlives(link)).toBe(true);
      }
  });

  test.each([
    ['who listens', 'a', 'b'],
    ['who dials', 'b', 'a'],
  ] as const)(
    'when both hosts have the new token at once, %s reading it first',
    async (_name, first, second) => {
      const { link, ...hosts } = await linked();
      hosts[first].reads(NEW);
      await link.echo();
      vi.advanceTimersByTime(TOKEN_WITHDRAWN_MS - 1);
      hosts[second].reads(NEW);
      expect(await outlives(link)).toBe(true);
    },
  );

  test('when the files were read again during its handshake', async () => {
    const [a, b] = [host('a', OLD, NEW), host('b', OLD)];
    const served = await echoListener({ security: a.security });
    listener = served.listener;
    const link = dial(served.address, b.security);
    b.reads(NEW);
    await link.echo();
    a.reads(NEW);
    expect(await outlives(link)).toBe(true);
  });
});

describe('a link of a token that was withdrawn', () => {
  test('ends at the one who listens, after the stated time and not before', async () => {
    const { a, link } = await linked();
    a.reads(NEW);
    await link.echo();
    vi.advanceTimersByTime(TOKEN_WITHDRAWN_MS - 1);
    await link.echo();
    vi.advanceTimersByTime(1);
    expect(await link.closed).toBe('connection lost');
    await until(() => listener?.counters.open === 0);
  });

  test('ends at the one who dialled', async () => {
    const { b, link } = await linked();
    b.reads(NEW);
    expect(await outlives(link)).toBe(false);
    expect(await link.closed).toBe('its token was withdrawn');
  });

  test('is not kept by a code that was shown on another connection', async () => {
    const { a, address } = await linked();
    a.reads(OLD, NEW);
    const shown: Uint8Array[] = [];
    const send = WsLink.prototype.sendAside;
    vi.spyOn(WsLink.prototype, 'sendAside').mockImplementation(function (this: WsLink, bytes) {
      if (this === friend.link) shown.push(bytes);
      send.call(this, bytes);
    });
    const reader = host('friend', OLD);
    const friend = dial(address, reader.security);
    const thief = dial(address, host('thief', OLD).security);
    await Promise.all([friend.echo(), thief.echo()]);
    reader.reads(NEW);
    const [code] = shown;
    if (code === undefined) throw new Error('nothing was shown');
    (thief.link as WsLink).sendAside(code);
    a.reads(NEW);
    expect(await outlives(thief)).toBe(false);
    expect(await friend.echo()).toMatchObject({ beat: 1 });
  });

  test('is not kept by the code that the other end has shown', async () => {
    const { a, link } = await linked();
    const thief = link.link as WsLink;
    const echoed = new Promise<void>((resolve) => {
      thief.onAside((bytes) => {
        thief.sendAside(bytes);
        resolve();
      });
    });
    a.reads(NEW);
    await echoed;
    expect(await outlives(link)).toBe(false);
  });
});
