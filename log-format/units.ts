/**
 * Branded numbers: a position, an epoch, ticks and times are all numbers, and mixing two of them up
 * is a bug the compiler can find. Nothing here converts at run time.
 */

declare const unit: unique symbol;

/** Position of a record in the log. The first record is 1; 0 means "none yet". */
export type Lsn = number & { readonly [unit]: 'Lsn' };
/** Reign of one primary and fencing token. The first view is 1; 0 means "no view yet". */
export type Epoch = number & { readonly [unit]: 'Epoch' };
/** Interrupt polls retired by the engine since boot: progress of the CPU. */
export type Ticks = number & { readonly [unit]: 'Ticks' };
/** Microseconds since the Unix epoch, as the guest's virtual clock counts them. */
export type Micros = number & { readonly [unit]: 'Micros' };
/** Milliseconds of the host's monotonic clock: timeouts and deadlines, never seen by a guest. */
export type Millis = number & { readonly [unit]: 'Millis' };

export const asLsn = (value: number): Lsn => value as Lsn;
export const asEpoch = (value: number): Epoch => value as Epoch;
export const asTicks = (value: number): Ticks => value as Ticks;
export const asMicros = (value: number): Micros => value as Micros;
export const asMillis = (value: number): Millis => value as Millis;
