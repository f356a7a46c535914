/**
 * What a backup does to be found: tells the view service how it is, and, when it has no primary, asks the
 * one that the arbiter names to dial it.
 */

import { asEpoch } from '../../log-format/index.ts';
import type { Arbiter } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import type { BackupReplica } from '../replica/backup.ts';
import { announceBackup, type BackupStanding } from './announce.ts';
import type { MemberKind } from './backup-options.ts';
import { seekPrimary } from './seek-primary.ts';
import type { LinkSecurity } from './tls.ts';
import type { Pings } from './view-pings.ts';

export interface OutreachOptions {
  /** As bound. */
  readonly own: ReplicaId;
  /** Named by the operator; undefined: by whoever dials. */
  readonly arbiter: string | undefined;
  /** The run whose primary is to be looked for from the start. */
  readonly seeks?: string | undefined;
  readonly security: LinkSecurity;
  readonly member: Pick<MemberKind, 'priority' | 'hidden' | 'chained'>;
  /** The newest hello. */
  readonly hello: () => Hello | undefined;
  readonly core: () => BackupReplica['core'];
  readonly openArbiter: (url: string) => Arbiter;
  /** The view service has made this replica primary. */
  readonly promoted: () => void;
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * By what name `primary` reaches this replica: as it has dialled it before, be that a host's name or a port
 * that somebody forwards, or else where the replica listens. Under a second name it would be a second
 * replica to its primary. What another primary dialled, from another host, may lead nowhere from this one.
 */
export function nameAt(
  primary: ReplicaId,
  hello: Pick<Hello, 'primary' | 'backup'> | undefined,
  own: ReplicaId,
): ReplicaId {
  return hello?.primary === primary ? hello.backup : own;
}

export class Outreach {
  readonly #options: OutreachOptions;
  #pings: Pings | undefined;
  #seeking: (() => void) | undefined;
  #over = false;

  constructor(options: OutreachOptions) {
    this.#options = options;
    if (options.arbiter !== undefined) this.#announce(options.arbiter);
    if (options.seeks !== undefined) this.#seek();
  }

  /** Of the log that is kept, or was asked for; undefined before any. */
  get vm(): string | undefined {
    return this.#options.hello()?.vm ?? this.#options.seeks;
  }

  noted(note: Note): void {
    if (note.type === 'following') {
      this.#seeking?.();
      const url = this.#options.arbiter ?? this.#options.hello()?.arbiter;
      if (url !== undefined) this.#announce(url);
    }
    // One that follows backups asks those: it would go around the chain.
    if (note.type === 'parted' && !this.#options.member.chained) this.#seek();
    this.#pings?.now();
  }

  stop(): void {
    this.#over = true;
    this.#seeking?.();
    this.#pings?.stop();
  }

  #seek(): void {
    this.#seeking?.();
    const { own, hello, security, openArbiter } = this.#options;
    const { vm } = this;
    const url = this.#options.arbiter ?? this.#options.hello()?.arbiter;
    if (vm === undefined || url === undefined || this.#over) return;
    const nameFor = (primary: ReplicaId): ReplicaId => nameAt(primary, hello(), own);
    this.#seeking = seekPrimary({ arbiter: openArbiter(url), vm, nameFor, security });
  }

  #announce(url: string): void {
    const { own, promoted, trouble } = this.#options;
    this.#pings ??= announceBackup({
      url,
      replica: this.#options.hello()?.backup ?? own,
      standing: () => this.#standing(),
      promoted,
      trouble,
    });
  }

  #standing(): BackupStanding | undefined {
    const core = this.#options.core();
    const hello = this.#options.hello();
    if (hello === undefined || core.phase === 'idle') return undefined;
    const { priority, hidden } = this.#options.member;
    const { synced, lsnReceived: lsn } = core;
    const epoch = core.view?.epoch ?? asEpoch(0);
    const follows = core.phase === 'following';
    return { vm: hello.vm, epoch, synced, follows, lsn, priority, hidden };
  }
}
