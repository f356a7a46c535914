/** What `hv inspect` and its worker say to each other. Plain data, structured-cloned. */

import type { InterruptRecord, LogHeader, LogRecord } from '../../log-format/index.ts';
import type { HvErrorCode } from '../base/errors.ts';
import type { ListedVariable } from '../machine/inspector.ts';
import type { Output } from '../ports.ts';
import type { TreeChange } from '../timeline/tree-diff.ts';

/** Words of the shared area (Int32). */
export const INSPECT_CONTROL = {
  /** Non-zero: whatever runs ends at its next turn or interrupt poll. */
  stop: 0,
  words: 1,
} as const;

export interface InspectStart {
  readonly path: string;
  readonly control: Int32Array;
}

/** A place asked for. */
export type Target =
  | { readonly type: 'lsn'; readonly lsn: number }
  /** `ticks` since the boot; `relative`: since the turn's start. */
  | {
      readonly type: 'tick';
      readonly lsn: number;
      readonly ticks: number;
      readonly relative: boolean;
    }
  /** Microseconds since the log's start. */
  | { readonly type: 'time'; readonly micros: number }
  /** 0 to 1. */
  | { readonly type: 'fraction'; readonly fraction: number }
  | { readonly type: 'start' }
  | { readonly type: 'end' };

export type InspectRequest =
  | { readonly type: 'info' }
  | { readonly type: 'goto'; readonly target: Target }
  | { readonly type: 'step'; readonly count: number }
  | { readonly type: 'back'; readonly count: number }
  /** The next turn of this kind, or about this connection, or any. */
  | {
      readonly type: 'next';
      readonly kind: number | undefined;
      readonly connection: number | undefined;
    }
  | { readonly type: 'evaluate'; readonly expression: string }
  | { readonly type: 'find'; readonly expression: string; readonly every: boolean }
  | { readonly type: 'diff'; readonly from: Target; readonly to: Target }
  /** Of the current turn, or the last `count`. */
  | { readonly type: 'outputs'; readonly count: number | undefined }
  | { readonly type: 'packets'; readonly count: number }
  | { readonly type: 'variables' }
  | { readonly type: 'complete'; readonly prefix: string };

/** Where the timeline stands. */
export interface Place {
  readonly lsn: number;
  /** Ticks since the boot, for a place inside the turn at `lsn`. */
  readonly ticks: number | undefined;
  /** Of the guest's clock, microseconds since the log's start; fractional. */
  readonly micros: number;
  /** The record at `lsn`; undefined at the start. */
  readonly record: LogRecord | undefined;
  /** The turn whose end, or middle, this is. */
  readonly turn: { readonly lsn: number; readonly record: InterruptRecord } | undefined;
  /** Last position there is. */
  readonly end: number;
  /** The guest has ended. */
  readonly halted: { readonly code: number; readonly reason: string } | undefined;
}

export interface LogFacts {
  readonly header: LogHeader;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly records: number;
  readonly batches: number;
  readonly segments: number;
  readonly bytes: number;
  readonly epoch: number;
  /** Of the last record that has a time, microseconds since the log's start. */
  readonly micros: number;
  readonly ending:
    | { readonly type: 'sealed' }
    | { readonly type: 'open'; readonly tornBytes: number }
    | { readonly type: 'damaged'; readonly message: string };
  /** How far checks were compared here and agreed. */
  readonly verified: number;
  readonly checkpoints: number;
  readonly divergence: { readonly lsn: number; readonly report: string } | undefined;
}

export type EvaluationKind = 'syntax' | 'guest' | 'no-such-variable' | 'limit' | 'interrupted';

export type EvaluationResult =
  | {
      readonly ok: true;
      readonly text: string;
      /** Undefined where JSON has no word for the value. */
      readonly json: unknown;
      readonly type: string;
    }
  | { readonly ok: false; readonly error: string; readonly kind: EvaluationKind };

export interface ShownOutput {
  readonly turn: number;
  readonly output: Output;
}

/** A record of the network device (`in`), or an output of it (`out`). */
export type Packet =
  | { readonly direction: 'in'; readonly lsn: number; readonly record: InterruptRecord }
  | { readonly direction: 'out'; readonly lsn: number; readonly output: Output };

export type InspectResult =
  | { readonly type: 'info'; readonly facts: LogFacts }
  /** `none`: no turn fits, or there is none that way; the place is the same as before. */
  | { readonly type: 'moved'; readonly end: 'arrived' | 'interrupted' | 'diverged' | 'none' }
  | { readonly type: 'evaluated'; readonly result: EvaluationResult }
  | {
      readonly type: 'found';
      readonly lsn: number | undefined;
      readonly looks: number;
      readonly end: 'arrived' | 'interrupted' | 'diverged';
      /** The expression could not be evaluated anywhere it was tried: the last error. */
      readonly error: string | undefined;
    }
  | {
      readonly type: 'diff';
      readonly from: number;
      readonly to: number;
      readonly changes: readonly TreeChange[];
      /** There are more than are shown. */
      readonly cut: boolean;
    }
  | { readonly type: 'outputs'; readonly outputs: readonly ShownOutput[] }
  | { readonly type: 'packets'; readonly packets: readonly Packet[] }
  | { readonly type: 'variables'; readonly variables: readonly ListedVariable[] }
  | { readonly type: 'completions'; readonly completions: readonly string[] };

export type InspectAnswer =
  | { readonly ok: true; readonly place: Place; readonly result: InspectResult }
  | {
      readonly ok: false;
      readonly place: Place | undefined;
      readonly code: HvErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
