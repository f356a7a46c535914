/** Worker of `hv inspect`: the session, on a thread with the stack a guest needs (threads.ts). */

import { parentPort, workerData } from 'node:worker_threads';
import { HvError } from '../base/errors.ts';
import { InspectSession } from './inspect-session.ts';
import {
  INSPECT_CONTROL,
  type InspectAnswer,
  type InspectRequest,
  type InspectStart,
} from './inspect-words.ts';

function failed(error: unknown, session: InspectSession | undefined): InspectAnswer {
  if (!(error instanceof HvError)) throw error;
  const { code, message, details } = error;
  return { ok: false, place: session?.place(), code, message, details };
}

function open({ path, control }: InspectStart): InspectSession {
  return new InspectSession({
    path,
    shouldStop: () => Atomics.load(control, INSPECT_CONTROL.stop) !== 0,
  });
}

function serve(port: NonNullable<typeof parentPort>): void {
  let session: InspectSession;
  try {
    session = open(workerData as InspectStart);
  } catch (error) {
    port.postMessage(failed(error, undefined));
    return;
  }
  port.on('message', (request: InspectRequest) => {
    try {
      const result = session.answer(request);
      port.postMessage({ ok: true, place: session.place(), result } satisfies InspectAnswer);
    } catch (error) {
      port.postMessage(failed(error, session));
    }
  });
  const opened = session.answer({ type: 'info' });
  port.postMessage({ ok: true, place: session.place(), result: opened } satisfies InspectAnswer);
}

if (parentPort !== null) serve(parentPort);
