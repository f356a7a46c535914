/**
 * hv's own log, one JSON object per line: a constant event as `evt`, data in fields. The only importer
 * of pino. Lines are written before the call returns, so that the last one of a replica that dies is
 * there.
 */

import { type DestinationStream, pino } from 'pino';
import { HvError } from '../base/errors.ts';
import type { Logger } from '../ports.ts';

export interface LoggerOptions {
  /** `host:port` of the replica, or its name. */
  readonly replica: string;
  /** Also information, not only what went wrong (`-v`). */
  readonly verbose: boolean;
  /** Appends to this file; standard error otherwise (`--log-file`). */
  readonly file?: string;
}

/** What changes while a replica runs, and is on every line. */
export interface LoggerState {
  readonly role: string;
  readonly epoch: number;
}

const STDERR = 2;

export class HostLogger implements Logger {
  readonly #root: pino.Logger;
  #child: pino.Logger;

  private constructor(root: pino.Logger, state: LoggerState) {
    this.#root = root;
    this.#child = root.child({ ...state });
  }

  /** Throws HV_E_USAGE when the file cannot be opened. */
  static open(options: LoggerOptions, state: LoggerState): HostLogger {
    const root = pino(
      {
        level: options.verbose ? 'info' : 'warn',
        messageKey: 'evt',
        base: { replica: options.replica, pid: process.pid },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination(options.file),
    );
    return new HostLogger(root, state);
  }

  /** The following lines carry this role and epoch. */
  become(state: LoggerState): void {
    this.#child = this.#root.child({ ...state });
  }

  info(event: string, fields: Record<string, unknown> = {}): void {
    this.#child.info(fields, event);
  }

  warn(event: string, fields: Record<string, unknown> = {}): void {
    this.#child.warn(fields, event);
  }

  error(event: string, fields: Record<string, unknown> = {}): void {
    this.#child.error(fields, event);
  }
}

function destination(file: string | undefined): DestinationStream {
  try {
    const stream = pino.destination({ dest: file ?? STDERR, sync: true });
    // Whoever reads our log has gone, or its disk is full: not a reason to stop a guest.
    stream.on('error', () => {});
    return stream;
  } catch (error) {
    throw new HvError('HV_E_USAGE', `cannot open the log file ${file}: ${String(error)}`, {
      details: { file },
      cause: error,
    });
  }
}
