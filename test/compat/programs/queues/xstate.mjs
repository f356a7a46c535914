import { assign, createActor, createMachine, fromPromise, toPromise, waitFor } from 'xstate';

const machine = createMachine({
  id: 'm',
  initial: 'idle',
  context: { count: 0 },
  states: {
    idle: { on: { GO: 'loading' } },
    loading: {
      invoke: {
        src: fromPromise(async () => 42),
        onDone: { target: 'waiting', actions: assign({ count: ({ event }) => event.output }) },
      },
    },
    waiting: { after: { 5: 'done' } },
    done: { type: 'final' },
  },
  output: ({ context }) => context.count,
});
const actor = createActor(machine);
actor.subscribe(({ value }) => console.log(value));
actor.start();
actor.send({ type: 'GO' });
await waitFor(actor, (state) => state.matches('done'));
console.log(await toPromise(actor));
