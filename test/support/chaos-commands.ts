/** What the proxy's program takes on its standard input, one command a line. */

import type { BothWays, ChaosProxy } from './chaos-proxy.ts';

type Way = 'there' | 'back';

export const COMMANDS = `impair JSON     {"there": {...}, "back": {...}} with way, delayMs, jitterMs, bytesPerSecond,
                queueBytesMax, corruptOneIn; what is not named is clean
heal            everything passes again
blackhole       nothing passes, nobody is told
cut WAY         the same one way: there (to the target) or back
half-open WAY   bytes of one way are lost for ever
corrupt WAY     one bit of what comes next that way
reset           every connection
refuse, accept  new connections`;

/** Does one command; rejects with a text for people when it is none. */
export async function obey(proxy: ChaosProxy, line: string): Promise<void> {
  const [, name = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
  switch (name) {
    case 'impair':
      return proxy.impair(JSON.parse(rest) as BothWays);
    case 'heal':
      return proxy.heal();
    case 'blackhole':
      return proxy.blackhole();
    case 'cut':
      return proxy.cut(wayOf(rest));
    case 'half-open':
      return proxy.halfOpen(wayOf(rest));
    case 'corrupt':
      return proxy.corruptNext(wayOf(rest));
    case 'reset':
      return proxy.reset();
    case 'refuse':
      return proxy.refuse();
    case 'accept':
      return proxy.accept();
    default:
      throw new Error(`no such command: ${name}\n${COMMANDS}`);
  }
}

function wayOf(text: string): Way {
  if (text === 'there' || text === 'back') return text;
  throw new Error(`a way is there or back, not ${JSON.stringify(text)}`);
}
