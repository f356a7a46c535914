import { describe, expect, test } from 'vitest';
import { Inbox, Resent } from '../../../hypervisor/cli/demo/mqtt-model.ts';
import {
  MqttReader,
  publishedOf,
  publishPacket,
} from '../../../hypervisor/cli/demo/mqtt-packets.ts';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';

const ONCE = { again: false, retained: false };

function setUp(): { inbox: Inbox; tally: Tally; resent: Resent } {
  const tally = new Tally();
  const resent = new Resent();
  const inbox = new Inbox('a', tally, resent);
  expect(inbox.connected({ sessionPresent: false })).toBe(true);
  // Cut off before the subscription was acknowledged: it is made again.
  expect(inbox.connected({ sessionPresent: true })).toBe(true);
  inbox.subscribed();
  for (const ordinal of [3, 4]) inbox.receive('b', ordinal, ONCE);
  return { inbox, tally, resent };
}

describe('a subscriber', () => {
  test('gets messages in order, and again what was sent again', () => {
    const { inbox, tally, resent } = setUp();
    expect(inbox.connected({ sessionPresent: true })).toBe(false);
    inbox.receive('b', 4, { again: true, retained: false });
    inbox.receive('b', 4, { again: false, retained: true });
    resent.add('b', 4);
    inbox.receive('b', 4, ONCE);
    inbox.receive('b', 5, ONCE);
    expect([inbox.last('b'), inbox.last('c')]).toEqual([5, 0]);
    expect(tally.clean).toBe(true);
  });

  test('sees what is missing, what comes twice, and that its session is gone', () => {
    const { inbox, tally, resent } = setUp();
    resent.add('c', 4);
    inbox.receive('b', 4, ONCE);
    inbox.receive('b', 7, ONCE);
    expect([tally.doubled, tally.lost]).toEqual([1, 2]);
    expect(inbox.connected({ sessionPresent: false })).toBe(true);
    inbox.receive('b', 1, ONCE);
    expect([tally.doubled, tally.lost]).toEqual([1, 3]);
  });
});

test('packets of any length are read as they were written, however they are cut', () => {
  for (const size of [0, 110, 130, 20_000]) {
    const given = { topic: 'demo/a', id: 700, payload: 'x'.repeat(size), again: true };
    const bytes = publishPacket(given) + publishPacket({ ...given, again: false });
    const reader = new MqttReader();
    const read = [bytes.slice(0, 3), bytes.slice(3)].flatMap((part) => reader.push(part));
    expect(read.map(publishedOf)).toEqual([
      { ...given, retained: true },
      { ...given, again: false, retained: true },
    ]);
  }
});
