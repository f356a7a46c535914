/** What a copy of a log on a backup is set up with, tells, and passes on. */

import type { Lsn } from '../../log-format/index.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { History } from '../protocol/history.ts';
import type { View } from '../protocol/messages.ts';
import type { BackupPorts } from './hooks.ts';

export interface LogCopyHandlers {
  logged(
    lastLsn: Lsn,
    view: View | undefined,
    stop: { readonly code: number; readonly reason: string } | undefined,
    history: History,
  ): void;
  replayed(lsn: Lsn, outputsCrc: number): void;
  durable(lsn: Lsn): void;
  diverged(lsn: Lsn, report: string): void;
  damaged(reason: string): void;
}

export interface LogCopyOptions {
  readonly ports: BackupPorts;
  readonly hello: Hello;
  /** Runs nothing: the log is all there is. */
  readonly cold: boolean;
  readonly handlers: LogCopyHandlers;
}

/** What there is to pass on to a replica that follows this one. */
export interface PassableCopy {
  /** Of the primary that is followed. */
  readonly hello: Hello;
  readonly history: History;
  readonly lsnReleased: Lsn;
}

/** Calls back when nobody writes to the disk's copy any more, with what is known to have left. */
export type WhenFree = (act: (facts: { readonly lsnReleased: Lsn }) => void) => void;
