/**
 * What a running replica says: lines for people on stderr, and one JSON object per event for programs:
 * on a file descriptor (`--events-fd`), at the admin port, in a file (`--log-file`).
 */

import { writeSync } from 'node:fs';
import type { Micros } from '../../log-format/index.ts';
import { EVENT_OF_NOTE, levelOf } from '../host/events.ts';
import type { HostLogger, LoggerState } from '../host/logger.ts';
import type { Observation } from '../host/observation.ts';
import type { Note } from '../protocol/notes.ts';
import { say } from './print.ts';

export class Lifecycle {
  readonly #name: () => string;
  readonly #joinAt: () => string | undefined;
  readonly #dials: readonly string[];
  /** Peers said to be lost and not back yet: redials of a dead host are no news. */
  readonly #lost = new Set<string>();
  /** A backup has been in a view of this process's reign. */
  #protected = false;
  /** What was said of the last primary that was turned away: it may dial again and again. */
  #declined = '';
  #told: LoggerState = { role: '', epoch: 0 };
  readonly #eventsFd: number | undefined;
  readonly #verbose: boolean;
  readonly #observation: Observation;
  readonly #logger: HostLogger | undefined;

  constructor(options: {
    name: () => string;
    /** Where fresh backups can join, if anywhere. */
    joinAt: () => string | undefined;
    /** Backups that are dialled until they answer. */
    dials?: readonly string[];
    eventsFd: number | undefined;
    verbose: boolean;
    observation: Observation;
    logger: HostLogger | undefined;
  }) {
    this.#name = options.name;
    this.#joinAt = options.joinAt;
    this.#dials = options.dials ?? [];
    this.#eventsFd = options.eventsFd;
    this.#verbose = options.verbose;
    this.#observation = options.observation;
    this.#logger = options.logger;
  }

  note(note: Note, at: Micros): void {
    const { type, ...fields } = note;
    const { observer } = this.#observation;
    observer.note(note, at);
    if (observer.role !== this.#told.role || observer.epoch !== this.#told.epoch) {
      this.#told = { role: observer.role, epoch: observer.epoch };
      this.#logger?.become(this.#told);
    }
    this.event(EVENT_OF_NOTE[type], at, flatten(fields));
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
    const json = JSON.stringify({ evt, at, ...fields });
    this.#observation.event(evt, json);
    this.#logger?.[levelOf(evt)](evt, fields);
    if (this.#eventsFd === undefined) return;
    try {
      writeSync(this.#eventsFd, `${json}\n`);
    } catch (error) {
      // Nobody reads any more: the replica goes on without telling.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    }
  }

  #howToJoin(): string {
    const at = this.#joinAt();
    if (at !== undefined) return `Start one: hv backup --listen <host:port> --join ${at}`;
    if (this.#protected)
      return 'Start a backup at its old address again: it is dialled until it answers';
    return this.#dials.length === 0
      ? `Start one with hv backup --listen <host:port>, and name it: hv protect ${this.#name()} <host:port>`
      : `Start a backup at ${this.#dials.join(' or ')}: it is dialled until it answers`;
  }

  #line(note: Note): string | undefined {
    const name = this.#name();
    switch (note.type) {
      case 'backupJoined':
        this.#lost.delete(note.peer);
        return `${name}: backup ${note.peer} joined (epoch ${note.view.epoch})`;
      case 'protected':
        this.#protected = true;
        return `${name}: PROTECTED (epoch ${note.view.epoch}, pid ${process.pid}). ctrl-c stops both sides, kill -9 fails over`;
      case 'unprotected':
        return this.#protected
          ? `${name}: UNPROTECTED, running alone since epoch ${note.view.epoch}. ${this.#howToJoin()}`
          : `${name}: UNPROTECTED until a backup joins (epoch ${note.view.epoch}). ${this.#howToJoin()}`;
      case 'suspected':
        // Who refused has said why already, and is not gone.
        if (this.#lost.has(note.peer) || note.reason.startsWith('refused: ')) return undefined;
        this.#lost.add(note.peer);
        return `${name}: ${note.peer} is suspected: ${note.reason}`;
      case 'refused':
        return `${name}: backup ${note.peer} refused: ${note.reason}`;
      case 'declined': {
        const words = `this backup cannot shadow the guest of ${note.peer}: ${note.reason}`;
        if (words === this.#declined) return undefined;
        this.#declined = words;
        return words;
      }
      case 'following':
        return `following the primary ${note.peer}`;
      case 'synced':
        return this.#verbose
          ? `in the view of epoch ${note.view.epoch}: the log is here`
          : undefined;
      case 'held':
        return `${name}: outputs are HELD (epoch ${note.view.epoch}): --on-backup-loss is stop, and ${this.#protected ? 'there are fewer backups than asked for' : 'no backup has joined yet'}. Nothing leaves, and no input is taken, until there are enough. ${this.#howToJoin()}`;
      case 'switchingOver':
        return `${name}: handing over to ${note.peer}`;
      case 'switchoverFailed':
        return `${name}: not handed over${note.peer === '' ? '' : ` to ${note.peer}`}: ${note.reason}; the guest goes on here`;
      case 'handedOver':
        return `${name}: HANDED OVER to ${note.peer} (epoch ${note.view.epoch})`;
      case 'continuing':
        return `continuing the copy of the log behind lsn ${note.lsn}`;
      case 'parted':
        return `keeping this copy of the log, waiting for a primary to dial: ${note.reason}`;
      case 'reset':
        return `dropped this copy of the log: ${note.reason}`;
      case 'promoted':
        return `${name}: PRIMARY of epoch ${note.view.epoch} since lsn ${note.lsnReceived}, UNPROTECTED until a backup joins. ${this.#howToJoin()}`;
      case 'resumed':
        return `${name}: RESUMED at lsn ${note.lsn} (epoch ${note.view.epoch}, pid ${process.pid})`;
      case 'diverged':
        return `the replay at ${note.peer} DIVERGED: ${note.report}`;
      case 'stopped':
        return this.#protected || this.#verbose
          ? `${name}: stopped with status ${note.code}${note.confirmed ? ', and the backups know' : '; a backup may not know and take over'}`
          : undefined;
      case 'claimed':
      case 'tailReplayed':
      case 'joining':
      case 'lost':
      case 'tilted':
        return this.#verbose ? `${name}: ${EVENT_OF_NOTE[note.type]}` : undefined;
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
