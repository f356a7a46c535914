/** The main thread's end of `hv inspect`: asks the worker one thing at a time. */

import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { HvError } from '../../base/errors.ts';
import {
  INSPECT_CONTROL,
  type InspectAnswer,
  type InspectRequest,
  type InspectResult,
  type InspectStart,
  type LogFacts,
  type Place,
} from '../../host/inspect-words.ts';
import { startWorker } from '../../host/threads.ts';

export class InspectClient {
  readonly #worker: Worker;
  readonly #control: Int32Array;
  #place: Place;
  #asking = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(worker: Worker, control: Int32Array, place: Place) {
    this.#worker = worker;
    this.#control = control;
    this.#place = place;
  }

  /** Throws what opening the log and building its machine throw. */
  static async open(path: string): Promise<{ client: InspectClient; facts: LogFacts }> {
    const bytes = new SharedArrayBuffer(INSPECT_CONTROL.words * Int32Array.BYTES_PER_ELEMENT);
    const control = new Int32Array(bytes);
    const worker = startWorker('inspect-worker', { path, control } satisfies InspectStart);
    try {
      const { place, result } = await answerOf(worker);
      if (result.type !== 'info') throw new Error('a worker begins with the facts of its log');
      return { client: new InspectClient(worker, control, place), facts: result.facts };
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  /** Where the timeline stood after the last answer. */
  get place(): Place {
    return this.#place;
  }

  get isBusy(): boolean {
    return this.#asking > 0;
  }

  /** One request at a time; others wait. Throws HvError as the session does. */
  async ask(request: InspectRequest): Promise<InspectResult> {
    this.#asking += 1;
    const asked = this.#last.then(() => this.#exchange(request));
    this.#last = asked.catch(() => undefined);
    try {
      return await asked;
    } finally {
      this.#asking -= 1;
    }
  }

  /** Ends what runs now at its next turn or interrupt poll. */
  interrupt(): void {
    Atomics.store(this.#control, INSPECT_CONTROL.stop, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  async #exchange(request: InspectRequest): Promise<InspectResult> {
    Atomics.store(this.#control, INSPECT_CONTROL.stop, 0);
    this.#worker.postMessage(request);
    const { place, result } = await answerOf(this.#worker, (at) => {
      this.#place = at;
    });
    this.#place = place;
    return result;
  }
}

async function answerOf(
  worker: Worker,
  onPlace: (place: Place) => void = () => undefined,
): Promise<Extract<InspectAnswer, { ok: true }>> {
  const [answer] = (await once(worker, 'message')) as [InspectAnswer];
  if (answer.ok) return answer;
  if (answer.place !== undefined) onPlace(answer.place);
  throw new HvError(answer.code, answer.message, { details: answer.details });
}
