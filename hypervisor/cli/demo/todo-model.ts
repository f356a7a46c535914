/**
 * What must hold in a list of things to do whatever fails: what was acknowledged is there, once and as
 * it was left; what was deleted stays away. Pure: connections are in todo-client.ts.
 */

import type { Tally } from './tally.ts';

export interface Todo {
  readonly id: number;
  readonly text: string;
  readonly done: boolean;
}

/** What was under way when the connection was lost: it may have happened or not. */
export type Uncertain =
  | { readonly type: 'creating'; readonly text: string }
  | { readonly type: 'changing'; readonly id: number }
  | { readonly type: 'deleting'; readonly id: number }
  | undefined;

/** Undefined when it is none. */
export function asTodo(value: unknown): Todo | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, text, done } = value as Record<string, unknown>;
  const isTodo = typeof id === 'number' && typeof text === 'string' && typeof done === 'boolean';
  return isTodo ? { id, text, done } : undefined;
}

/** The entries of one client, which are those whose text begins with its name. */
export class OwnTodos {
  readonly #name: string;
  readonly #tally: Tally;
  readonly #todos = new Map<number, Todo>();
  #created = 0;

  constructor(name: string, tally: Tally) {
    this.#name = name;
    this.#tally = tally;
  }

  get size(): number {
    return this.#todos.size;
  }

  get oldest(): Todo | undefined {
    return this.#todos.values().next().value;
  }

  has(id: number): boolean {
    return this.#todos.has(id);
  }

  /** The text of a new one. */
  nextText(): string {
    this.#created += 1;
    return `${this.#name}:${this.#created}`;
  }

  /** The server says that it has made this of `text`; undefined: its answer makes no sense. */
  created(value: unknown, text: string): Todo | undefined {
    const todo = asTodo(value);
    if (todo === undefined || todo.text !== text || todo.done || this.#todos.has(todo.id)) {
      this.#wrong(`got ${JSON.stringify(value)} for a new "${text}"`);
      return undefined;
    }
    this.#todos.set(todo.id, todo);
    return todo;
  }

  /** The server shows this as entry `id`. `done`: as it was told a moment ago. */
  shown(value: unknown, id: number, { done }: { readonly done: boolean }): void {
    const known = this.#todos.get(id);
    const todo = asTodo(value);
    if (known === undefined) return;
    if (todo?.id !== id || todo.text !== known.text || todo.done !== done)
      this.#wrong(`got ${JSON.stringify(value)} as entry ${id}, "${known.text}", done: ${done}`);
    this.#todos.set(id, { ...known, done });
  }

  deleted(id: number): void {
    this.#todos.delete(id);
  }

  /** The server has no entry `id`. */
  missing(id: number): void {
    if (!this.#todos.delete(id)) return;
    this.#tally.fault('lost', 1, `${this.#name}'s entry ${id} is gone`);
  }

  /** Compares everything with the server's whole list, and goes on from there. */
  compare(list: readonly Todo[], uncertain: Uncertain): void {
    const own = new Map<number, Todo>();
    for (const todo of list) if (todo.text.startsWith(`${this.#name}:`)) own.set(todo.id, todo);
    for (const [id, known] of this.#todos) {
      const todo = own.get(id);
      if (todo !== undefined) this.#same(todo, known, uncertain);
      else if (uncertain?.type === 'deleting' && uncertain.id === id) this.#todos.delete(id);
      else this.missing(id);
    }
    for (const todo of own.values()) if (!this.#todos.has(todo.id)) this.#adopt(todo, uncertain);
  }

  #same(todo: Todo, known: Todo, uncertain: Uncertain): void {
    const mayHaveChanged = uncertain?.type === 'changing' && uncertain.id === todo.id;
    if (todo.text !== known.text || (todo.done !== known.done && !mayHaveChanged))
      this.#wrong(`finds ${JSON.stringify(todo)}, left ${JSON.stringify(known)}`);
    this.#todos.set(todo.id, todo);
  }

  #adopt(todo: Todo, uncertain: Uncertain): void {
    const texts = new Set(Array.from(this.#todos.values(), ({ text }) => text));
    const wasExpected = uncertain?.type === 'creating' && uncertain.text === todo.text;
    if (!wasExpected || texts.has(todo.text))
      this.#tally.fault('doubled', 1, `${this.#name} finds ${JSON.stringify(todo)} as well`);
    // Counted once.
    this.#todos.set(todo.id, todo);
  }

  /** The entry that was made of this text. */
  withText(text: string): Todo | undefined {
    return [...this.#todos.values()].find((todo) => todo.text === text);
  }

  #wrong(text: string): void {
    this.#tally.fault('wrong', 1, `${this.#name} ${text}`);
  }
}
