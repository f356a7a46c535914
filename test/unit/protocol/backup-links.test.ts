import { describe, expect, it } from 'vitest';
import type { LinkHandlers } from '../../../hypervisor/ports.ts';
import type { Message } from '../../../hypervisor/protocol/messages.ts';
import { BackupLinks } from '../../../hypervisor/replica/backup-links.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';

const message: Message = { type: 'released', epoch: asEpoch(1), lsnReleased: asLsn(1) };

function bench(): {
  links: BackupLinks;
  news: string[];
  open(): { handlers: LinkHandlers; sent: Message[] };
} {
  const news: string[] = [];
  const links = new BackupLinks({
    onMessage: (peer, { type }) => news.push(`${peer} ${type}`),
    onClose: (peer, reason) => news.push(`${peer} closed ${reason}`),
  });
  return {
    links,
    news,
    open: () => {
      const sent: Message[] = [];
      let given: LinkHandlers | undefined;
      links.open('b', (handlers) => {
        given = handlers;
        return { peer: 'b', queuedBytes: 0, send: (one) => sent.push(one), close: () => {} };
      });
      if (given === undefined) throw new Error('not dialled');
      return { handlers: given, sent };
    },
  };
}

describe('BackupLinks', () => {
  it('does not let a stream of an old link leak into a newer one', () => {
    const { links, open } = bench();
    open();
    const stream = links.stream('b');
    links.close('b');
    const second = open();
    stream?.send(message);
    expect(stream?.open()).toBe(false);
    expect(second.sent).toEqual([]);
  });

  it('passes on no news of a link that was closed', () => {
    const { links, news, open } = bench();
    const first = open();
    links.close('b');
    open();
    first.handlers.onMessage(message);
    first.handlers.onClose('late');
    expect(news).toEqual([]);
  });

  it('tells of a close once', () => {
    const { news, open } = bench();
    const { handlers } = open();
    handlers.onClose('reset');
    handlers.onClose('reset');
    expect(news).toEqual(['b closed reset']);
  });
});
