/** Answers the heartbeats of the primaries' supervisors, on a backup. */

import type { Epoch } from '../../log-format/index.ts';
import type { Clock, Link, LinkHandlers } from '../ports.ts';
import { HeartbeatResponder } from './heartbeat.ts';

export interface HeartbeatDeskOptions {
  readonly clock: Clock;
  /** Highest heard of: beats of earlier ones are no sign of life. */
  readonly epoch: () => Epoch;
  readonly beat: () => void;
}

export class HeartbeatDesk {
  readonly #options: HeartbeatDeskOptions;
  readonly #responders = new Set<HeartbeatResponder>();

  constructor(options: HeartbeatDeskOptions) {
    this.#options = options;
  }

  accept(link: Link): LinkHandlers {
    const { clock, epoch: highest, beat } = this.#options;
    const responder = new HeartbeatResponder(link, {
      clock,
      epoch: highest,
      hooks: {
        onBeat: ({ epoch }) => {
          if (epoch >= highest()) beat();
        },
        onLate: () => undefined,
        onClose: () => this.#responders.delete(responder),
      },
    });
    this.#responders.add(responder);
    return responder;
  }

  stop(): void {
    for (const responder of this.#responders) responder.stop();
  }
}
