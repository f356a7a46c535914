/**
 * What a running replica says: lines for people on stderr, and one JSON object per event for programs:
 * on a file descriptor (`--events-fd`), at the admin port, in a file (`--log-file`).
 */

import { writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Micros } from '../../log-format/index.ts';
import { EVENT_OF_NOTE, levelOf } from '../host/events.ts';
import type { HostLogger, LoggerState } from '../host/logger.ts';
import type { Observation } from '../host/observation.ts';
import type { Note } from '../protocol/notes.ts';
import { say } from './print.ts';
import { shellWord } from './shell-word.ts';

/** Where `hv run` looks for logs unless told. */
const DIR_DEFAULT = '.hv';

export class Lifecycle {
  readonly #name: () => string;
  readonly #joinAt: () => string | undefined;
  readonly #keptIn: () => string | undefined;
  /** Peers said to be lost and not back yet: redials of a dead host are no news. */
  readonly #lost = new Set<string>();
  /** Peers that were more than an address: backups of a view, or who was followed. */
  readonly #met = new Set<string>();
  /** A backup has been in a view of this process's reign, and is not now. */
  #protected = false;
  #alone = true;
  /** Why SIGTERM stops the guest instead of handing it over. */
  #stopsHere: string | undefined;
  readonly #dials: readonly string[];
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
    /** Directory of the logs that stay when this process ends; undefined: nothing does. */
    keptIn: () => string | undefined;
    /** Backups that are dialled until they answer. */
    dials?: readonly string[];
    eventsFd: number | undefined;
    verbose: boolean;
    observation: Observation;
    logger: HostLogger | undefined;
  }) {
    this.#name = options.name;
    this.#joinAt = options.joinAt;
    this.#keptIn = options.keptIn;
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
    // Said when it has stopped, in one line with what stays.
    if (evt === 'stopping.alone') {
      this.#stopsHere = String(fields.reason);
      return;
    }
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

  #stopLine({ code, confirmed }: Note & { readonly type: 'stopped' }): string | undefined {
    const name = this.#name();
    const reason = this.#stopsHere;
    if (reason !== undefined)
      return `${name}: stopped by SIGTERM: ${reason}. ${whatStays(name, this.#keptIn())}`;
    if (!this.#protected && !this.#verbose) return undefined;
    const rest = confirmed ? ', and the backups know' : '; a backup may not know and take over';
    return `${name}: stopped with status ${code}${this.#alone ? '' : rest}`;
  }

  #line(note: Note): string | undefined {
    const name = this.#name();
    switch (note.type) {
      case 'backupJoined':
        this.#lost.delete(note.peer);
        this.#met.add(note.peer);
        return `${name}: backup ${note.peer} joined (epoch ${note.view.epoch})`;
      case 'protected':
        this.#protected = true;
        this.#alone = false;
        return `${name}: PROTECTED (epoch ${note.view.epoch}, pid ${process.pid}). ctrl-c stops both sides, kill -9 fails over`;
      case 'unprotected':
        this.#alone = true;
        return this.#protected
          ? `${name}: UNPROTECTED, running alone since epoch ${note.view.epoch}. ${this.#howToJoin()}`
          : `${name}: UNPROTECTED until a backup joins (epoch ${note.view.epoch}). ${this.#howToJoin()}`;
      case 'suspected':
        // Who refused has said why already, and is not gone.
        if (this.#lost.has(note.peer) || note.reason.startsWith('refused: ')) return undefined;
        this.#lost.add(note.peer);
        return this.#met.has(note.peer)
          ? `${name}: ${note.peer} is suspected: ${note.reason}`
          : noLink(name, note);
      case 'refused':
        return `${name}: backup ${note.peer} refused: ${note.reason}`;
      case 'declined': {
        const words = `this backup cannot shadow the guest of ${note.peer}: ${note.reason}`;
        if (words === this.#declined) return undefined;
        this.#declined = words;
        return words;
      }
      case 'following':
        this.#met.add(note.peer);
        return `following ${note.peer}`;
      case 'synced':
        return this.#verbose
          ? `in the view of epoch ${note.view.epoch}: the log is here`
          : undefined;
      case 'held':
        return `${name}: outputs are HELD (epoch ${note.view.epoch}): --on-backup-loss is stop, and ${this.#protected ? 'there are fewer backups than asked for' : 'no backup has joined yet'}. Nothing leaves, and no input is taken, until there are enough. ${this.#howToJoin()}`;
      case 'switchingOver':
        return `${name}: handing over to ${note.peer}`;
      case 'switchoverFailed':
        return `${name}: not handed over${note.peer === '' ? '' : ` to ${note.peer}`}: ${note.reason}; it is still primary here`;
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
        return this.#stopLine(note);
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

/** What is on disk when a guest has been stopped, and how it goes on from there. `dir`: of its logs, if kept. */
export function whatStays(name: string, dir: string | undefined): string {
  if (dir === undefined) return 'No log was kept: nothing of it is left';
  const where = dir === DIR_DEFAULT ? '' : ` --dir ${shellWord(dir)}`;
  return `Its log stays in ${join(dir, name)}, with all it had answered: hv run --resume --name ${shellWord(name)}${where}, with its other options, goes on from there`;
}

/** Of a backup that has not come to be one. */
function noLink(
  name: string,
  { peer, reason }: { readonly peer: string; readonly reason: string },
): string {
  return `${name}: no link to backup ${peer}: ${reason.replace(/^link closed: /, '')}`;
}

/** A view's epoch beside the other fields, so that a reader needs no nesting for it. */
function flatten(fields: Record<string, unknown>): Record<string, unknown> {
  const view = fields.view as { epoch?: number } | undefined;
  return view?.epoch === undefined ? fields : { ...fields, epoch: view.epoch };
}
