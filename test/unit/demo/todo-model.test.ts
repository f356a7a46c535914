import { describe, expect, test } from 'vitest';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';
import { asTodo, OwnTodos, type Todo } from '../../../hypervisor/cli/demo/todo-model.ts';

function setUp(): { own: OwnTodos; tally: Tally; first: Todo; second: Todo } {
  const tally = new Tally();
  const own = new OwnTodos('a', tally);
  const [first, second] = [1, 2].map((id) => {
    const text = own.nextText();
    return own.created({ id, text, done: false }, text);
  });
  if (first === undefined || second === undefined) throw new Error('two were created');
  return { own, tally, first, second };
}

const OTHERS = { id: 9, text: 'b:1', done: true };

describe('a list that is as it was left', () => {
  test('is clean, whatever belongs to others', () => {
    const { own, tally, first, second } = setUp();
    own.shown({ ...first, done: true }, first.id, { done: true });
    own.compare([{ ...first, done: true }, OTHERS, second], undefined);
    own.deleted(second.id);
    own.compare([{ ...first, done: true }], undefined);
    expect(tally.clean).toBe(true);
    expect([own.size, own.oldest?.id]).toEqual([1, first.id]);
  });

  test('may have what was under way, or not', () => {
    const { own, tally, first, second } = setUp();
    const third = { id: 3, text: own.nextText(), done: false };
    own.compare([first, second], { type: 'creating', text: third.text });
    expect(own.withText(third.text)).toBeUndefined();
    own.compare([first, second, third], { type: 'creating', text: third.text });
    expect(own.withText(third.text)).toEqual(third);
    own.compare([{ ...first, done: true }, second, third], { type: 'changing', id: first.id });
    own.compare([{ ...first, done: true }, third], { type: 'deleting', id: second.id });
    expect(own.has(second.id)).toBe(false);
    expect(tally.clean).toBe(true);
  });
});

describe('a list that is not', () => {
  test('has lost what was acknowledged, once', () => {
    const { own, tally, second } = setUp();
    for (let again = 0; again < 2; again += 1) own.compare([second], undefined);
    own.missing(second.id);
    own.missing(second.id);
    expect(tally.lost).toBe(2);
  });

  test('has doubled what was sent once, or brought back what was deleted', () => {
    const { own, tally, first, second } = setUp();
    own.compare([first, second, { ...first, id: 3 }], { type: 'creating', text: first.text });
    own.deleted(first.id);
    own.compare([first, second, { ...first, id: 3 }], undefined);
    expect(tally.doubled).toBe(2);
  });

  test('shows something else than was left', () => {
    const { own, tally, first, second } = setUp();
    own.compare([{ ...first, done: true }, second], { type: 'changing', id: second.id });
    own.shown({ ...second, text: 'x' }, second.id, { done: false });
    own.shown(undefined, second.id, { done: false });
    expect(own.created({ id: 1, text: 'a:9', done: false }, 'a:9')).toBeUndefined();
    expect(tally.wrong).toBe(4);
  });

  test('holds things that are no todos', () => {
    for (const value of [null, 1, {}, { id: '1', text: 'a', done: true }])
      expect(asTodo(value)).toBeUndefined();
  });
});
