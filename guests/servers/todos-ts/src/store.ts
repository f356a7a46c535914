/** Todos in memory. */

import { Change, Creation, type Todo } from './todo.ts';

export class NoSuchTodo extends Error {
  readonly id: number;

  constructor(id: number) {
    super(`no todo ${id}`);
    this.id = id;
  }
}

export class Store {
  readonly #todos = new Map<number, Todo>();
  #lastId = 0;

  all(): readonly Todo[] {
    return [...this.#todos.values()];
  }

  create(given: unknown): Todo {
    const { text } = Creation.parse(given);
    this.#lastId += 1;
    const todo = { id: this.#lastId, text, done: false };
    this.#todos.set(todo.id, todo);
    return todo;
  }

  get(id: number): Todo {
    const todo = this.#todos.get(id);
    if (todo === undefined) throw new NoSuchTodo(id);
    return todo;
  }

  change(id: number, given: unknown): Todo {
    const { text, done } = Change.parse(given);
    const before = this.get(id);
    const todo = { id, text: text ?? before.text, done: done ?? before.done };
    this.#todos.set(id, todo);
    return todo;
  }

  delete(id: number): void {
    this.get(id);
    this.#todos.delete(id);
  }
}
