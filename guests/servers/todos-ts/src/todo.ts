/** What a todo is, and what a client may send: one schema for the check and for the type. */

import { z } from 'zod';

export const Todo = z.object({
  id: z.int().positive(),
  text: z.string(),
  done: z.boolean(),
});
export type Todo = z.infer<typeof Todo>;

export const Creation = Todo.pick({ text: true });
export const Change = Todo.omit({ id: true }).partial();
