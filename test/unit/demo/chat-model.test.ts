import { expect, test } from 'vitest';
import {
  Delivery,
  parseLast,
  parseMessage,
  RoomLedger,
  type RoomMessage,
} from '../../../hypervisor/cli/demo/chat-model.ts';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';

function message(
  number: number,
  nick: string,
  text: string | number,
  id = 'ab12cd34',
): RoomMessage {
  const line = `[demo #${number} 2026-01-01T00:00:00.000Z ${id}] ${nick}: ${text}`;
  const parsed = parseMessage(line);
  if (parsed === undefined) throw new Error(`not parsed: ${line}`);
  return parsed;
}

function ledgerOf(...messages: RoomMessage[]): { ledger: RoomLedger; tally: Tally } {
  const tally = new Tally();
  const ledger = new RoomLedger(tally);
  for (const one of messages) ledger.receive(one, Number(one.text));
  return { ledger, tally };
}

test('messages and reports are told from other lines', () => {
  expect(message(12, 'anna', 'x: y')).toMatchObject({ number: 12, nick: 'anna', text: 'x: y' });
  expect(parseMessage('* anna joined demo')).toBeUndefined();
  expect(parseMessage('[private 2026-01-01T00:00:00.000Z ab12cd34] anna: 1')).toBeUndefined();
  expect(parseLast('* you are in demo with 3 others, last message #7')).toEqual({
    about: 'join',
    last: 7,
  });
  expect(parseLast('* end of history, 2 messages up to #9')).toEqual({ about: 'history', last: 9 });
  expect(parseLast('* you are anna')).toBeUndefined();
});

test('the same messages seen by several clients are no fault', () => {
  const all = [message(1, 'a', 1), message(2, 'b', 1), message(3, 'a', 2)];
  const { ledger, tally } = ledgerOf(...all, ...all);
  ledger.compare(3, 3);
  ledger.verify(all, 3);
  expect(tally.findings).toEqual([]);
});

test('a message posted twice is seen, and one that a sender misses', () => {
  const doubled = ledgerOf(message(1, 'a', 1), message(2, 'a', 1));
  expect(doubled.tally).toMatchObject({ doubled: 1, lost: 0 });
  const lost = ledgerOf(message(1, 'a', 1), message(2, 'a', 4));
  expect(lost.tally).toMatchObject({ doubled: 0, lost: 2 });
});

test('a number that stands for two messages is seen', () => {
  const { tally } = ledgerOf(message(1, 'a', 1), message(1, 'a', 1, 'ffffffff'));
  expect(tally).toMatchObject({ wrong: 1 });
});

test('a room that forgot messages is seen once, and the senders go on', () => {
  const { ledger, tally } = ledgerOf(message(1, 'a', 1), message(2, 'a', 2), message(3, 'a', 3));
  ledger.compare(2, 2);
  ledger.compare(1, 1);
  expect(tally.lost).toBe(0);
  ledger.compare(1, 3);
  ledger.compare(1, 3);
  expect(tally.lost).toBe(2);
  ledger.receive(message(2, 'a', 4), 4);
  expect(tally).toMatchObject({ lost: 2, doubled: 0, wrong: 0 });
});

test('the final history must have what was seen', () => {
  const all = [message(1, 'a', 1), message(2, 'a', 2), message(3, 'a', 3)];
  const short = ledgerOf(...all);
  short.ledger.verify(all.slice(0, 2), 3);
  expect(short.tally).toMatchObject({ lost: 1 });
  const later = ledgerOf(...all);
  later.ledger.verify(all.slice(0, 2), 2);
  expect(later.tally.clean).toBe(true);
  const headless = ledgerOf(...all);
  headless.ledger.verify(all.slice(1), 3);
  expect(headless.tally).toMatchObject({ lost: 1 });
  const altered = ledgerOf(...all);
  altered.ledger.verify([...all.slice(0, 2), message(3, 'a', 3, '00000000')], 3);
  expect(altered.tally).toMatchObject({ wrong: 1 });
  const twice = ledgerOf(...all);
  twice.ledger.verify([message(1, 'a', 1), ...all], 3);
  expect(twice.tally.outOfOrder).toBeGreaterThan(0);
});

test('while it catches up a client may get messages early and again, later it may not', () => {
  const tally = new Tally();
  const delivery = new Delivery('c', tally);
  const numbers = (messages: RoomMessage[]) => messages.map((one) => one.number);
  expect(delivery.receive(message(3, 'a', 3))).toEqual([]);
  expect(numbers(delivery.receive(message(1, 'a', 1)))).toEqual([1]);
  expect(numbers(delivery.receive(message(2, 'a', 2)))).toEqual([2, 3]);
  expect(delivery.receive(message(3, 'a', 3))).toEqual([]);
  expect(delivery.caughtUp()).toEqual([]);
  expect(tally.clean).toBe(true);
  delivery.receive(message(3, 'a', 3));
  expect(tally).toMatchObject({ doubled: 1, lost: 0 });
  expect(numbers(delivery.receive(message(6, 'a', 6)))).toEqual([6]);
  expect(tally).toMatchObject({ doubled: 1, lost: 2 });
});

test('a message that is neither live nor in the history is missed at the end of it', () => {
  const tally = new Tally();
  const delivery = new Delivery('c', tally);
  delivery.receive(message(1, 'a', 1));
  delivery.receive(message(3, 'a', 3));
  expect(delivery.caughtUp().map((one) => one.number)).toEqual([3]);
  expect(tally.lost).toBe(1);
});
