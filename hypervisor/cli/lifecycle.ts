/**
 * What a running replica says: lines for people on stderr, and one JSON object per event on a file
 * descriptor for programs (`--events-fd`). Event names are stable.
 */

import { writeSync } from 'node:fs';
import type { Micros } from '../../log-format/index.ts';
import type { Note } from '../protocol/notes.ts';
import { say } from './print.ts';

/** Event names for programs, by note. */
const EVENTS: Readonly<Record<Note['type'], string>> = {
  primaryLive: 'primary.live',
  joining: 'backup.joining',
  refused: 'backup.refused',
  backupJoined: 'backup.joined',
  protected: 'protected',
  unprotected: 'unprotected',
  suspected: 'suspected',
  tilted: 'tilted',
  claimed: 'claimed',
  lost: 'claim.lost',
  diverged: 'diverged',
  fenced: 'fenced',
  following: 'following',
  synced: 'synced',
  reset: 'reset',
  promoted: 'live',
  tailReplayed: 'tail.replayed',
  firstOutput: 'first.output',
  guestExited: 'exited',
  stopped: 'stopped',
};

export class Lifecycle {
  readonly #name: () => string;
  readonly #eventsFd: number | undefined;
  readonly #verbose: boolean;

  constructor(options: {
    name: () => string;
    eventsFd: number | undefined;
    verbose: boolean;
  }) {
    this.#name = options.name;
    this.#eventsFd = options.eventsFd;
    this.#verbose = options.verbose;
  }

  note(note: Note, at: Micros): void {
    const { type, ...fields } = note;
    this.event(EVENTS[type], at, flatten(fields));
    const line = this.#line(note);
    if (line !== undefined) say(line);
  }

  /** Trouble that ends nothing: `net.listen-retry` and the like. */
  trouble(evt: string, fields: Readonly<Record<string, unknown>>): void {
    this.event(evt, Date.now() * 1000, fields);
    const text = Object.entries(fields)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ');
    say(`${this.#name()}: ${evt}: ${text}`);
  }

  /** An event that is no note, such as the address a listener got. */
  event(evt: string, at: Micros | number, fields: Record<string, unknown> = {}): void {
    if (this.#eventsFd === undefined) return;
    try {
      writeSync(this.#eventsFd, `${JSON.stringify({ evt, at, ...fields })}\n`);
    } catch (error) {
      // Nobody reads any more: the replica goes on without telling.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    }
  }

  #line(note: Note): string | undefined {
    const name = this.#name();
    switch (note.type) {
      case 'backupJoined':
        return `${name}: backup ${note.peer} joined (epoch ${note.view.epoch})`;
      case 'protected':
        return `${name}: PROTECTED (epoch ${note.view.epoch}). ctrl-c stops both sides, kill -9 fails over`;
      case 'unprotected':
        return `${name}: UNPROTECTED, running alone since epoch ${note.view.epoch}. Start another: hv backup --join <this replica>`;
      case 'suspected':
        return `${name}: ${note.peer} is suspected: ${note.reason}`;
      case 'refused':
        return `${name}: backup ${note.peer} refused: ${note.reason}`;
      case 'following':
        return `following the primary ${note.peer}`;
      case 'synced':
        return `in step with the primary (epoch ${note.view.epoch}); ready to take over`;
      case 'reset':
        return `dropped this copy of the log: ${note.reason}`;
      case 'promoted':
        return `PRIMARY of epoch ${note.view.epoch} since lsn ${note.lsnReceived}`;
      case 'diverged':
        return `the replay at ${note.peer} DIVERGED: ${note.report}`;
      case 'claimed':
      case 'tailReplayed':
      case 'joining':
      case 'lost':
      case 'tilted':
        return this.#verbose ? `${name}: ${EVENTS[note.type]}` : undefined;
      default:
        return undefined;
    }
  }
}

/** A view's epoch beside the other fields, so that a reader needs no nesting for it. */
function flatten(fields: Record<string, unknown>): Record<string, unknown> {
  const view = fields.view as { epoch?: number } | undefined;
  return view?.epoch === undefined ? fields : { ...fields, epoch: view.epoch };
}
