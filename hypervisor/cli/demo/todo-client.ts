/** Drives todo-model.ts over HTTP: clients of every guest that serves the list of things to do. */

import type { HttpCaller } from './http-caller.ts';
import { type Loop, loopingClients } from './looping-client.ts';
import type { Tally } from './tally.ts';
import { asTodo, OwnTodos, type Todo, type Uncertain } from './todo-model.ts';
import type { ClientGroup, WorkloadOptions } from './workload.ts';

/** Entries a client leaves in the list: it reads the whole list back after each lost connection. */
const KEPT = 10;

export function startTodoWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  return loopingClients({ options, tally }, (name, caller) => new TodoLoop(name, caller, tally));
}

class TodoLoop implements Loop {
  readonly #caller: HttpCaller;
  readonly #tally: Tally;
  readonly #own: OwnTodos;
  readonly #name: string;

  constructor(name: string, caller: HttpCaller, tally: Tally) {
    this.#name = name;
    this.#caller = caller;
    this.#tally = tally;
    this.#own = new OwnTodos(name, tally);
  }

  async step(): Promise<void> {
    const todo = await this.#create();
    if (todo !== undefined) {
      await this.#change(todo.id);
      await this.#read(todo.id);
    }
    const { oldest } = this.#own;
    if (this.#own.size > KEPT && oldest !== undefined) await this.#delete(oldest.id);
  }

  async conclude(): Promise<void> {
    await this.#compare(undefined);
  }

  async #create(): Promise<Todo | undefined> {
    const text = this.#own.nextText();
    for (;;) {
      const reply = await this.#caller.ask({ method: 'POST', path: '/todos', body: { text } });
      if (reply !== undefined) {
        this.#expect(reply.status, 201, `POST of "${text}"`);
        return this.#own.created(reply.value, text);
      }
      await this.#compare({ type: 'creating', text });
      const found = this.#own.withText(text);
      if (found !== undefined) return found;
    }
  }

  async #change(id: number): Promise<void> {
    const ask = { method: 'PUT', path: `/todos/${id}`, body: { done: true } } as const;
    while (this.#own.has(id)) {
      const reply = await this.#caller.ask(ask);
      if (reply === undefined) await this.#compare({ type: 'changing', id });
      else if (reply.status === 404) this.#own.missing(id);
      else {
        this.#expect(reply.status, 200, `PUT of ${id}`);
        this.#own.shown(reply.value, id, { done: true });
        return;
      }
    }
  }

  async #read(id: number): Promise<void> {
    while (this.#own.has(id)) {
      const reply = await this.#caller.ask({ method: 'GET', path: `/todos/${id}` });
      if (reply === undefined) await this.#compare(undefined);
      else if (reply.status === 404) this.#own.missing(id);
      else {
        this.#own.shown(reply.value, id, { done: true });
        return;
      }
    }
  }

  async #delete(id: number): Promise<void> {
    while (this.#own.has(id)) {
      const reply = await this.#caller.ask({ method: 'DELETE', path: `/todos/${id}` });
      if (reply === undefined) await this.#compare({ type: 'deleting', id });
      else if (reply.status === 404) this.#own.missing(id);
      else {
        this.#expect(reply.status, 204, `DELETE of ${id}`);
        this.#own.deleted(id);
      }
    }
  }

  /** Reads everything back. */
  async #compare(uncertain: Uncertain): Promise<void> {
    const { status, value } = await this.#caller.askAgain({ method: 'GET', path: '/todos' });
    this.#expect(status, 200, 'GET of all');
    const list = (Array.isArray(value) ? value : []).flatMap((one) => asTodo(one) ?? []);
    this.#own.compare(list, uncertain);
  }

  #expect(status: number, expected: number, what: string): void {
    if (status !== expected)
      this.#tally.fault('wrong', 1, `${this.#name}: ${what} was answered with ${status}`);
  }
}
