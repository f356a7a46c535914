/**
 * `node:tty`. A guest has the terminal of its standard streams and no other; it is in the host's line
 * mode, and raw mode is not to be had.
 */

import { bootConfig } from '../boot-config.ts';
import { nodeError, outOfRange } from './node-errors.ts';
import { throwing } from './refusals.ts';
import { standardInput, standardOutput } from './standard-streams.ts';

function isatty(fd: unknown): boolean {
  const config = bootConfig();
  if (fd === 0) return config.stdinIsTTY;
  if (fd === 1) return config.stdoutIsTTY;
  return fd === 2 && config.stderrIsTTY;
}

function checkDescriptor(fd: unknown): void {
  if (Number.isInteger(fd) && (fd as number) >= 0 && (fd as number) <= 2_147_483_647) return;
  const text = `"fd" must be a positive integer: ${String(fd)}`;
  throw nodeError(RangeError, 'ERR_INVALID_FD', text);
}

function notATerminal(): Error {
  const error = nodeError(
    Error,
    'ERR_TTY_INIT_FAILED',
    'TTY initialization failed: uv_tty_init returned EINVAL (invalid argument)',
  );
  return Object.assign(error, {
    name: 'SystemError',
    info: { code: 'EINVAL', message: 'invalid argument', errno: -22, syscall: 'uv_tty_init' },
    errno: -22,
    syscall: 'uv_tty_init',
  });
}

/** The guest's own stream of a terminal; called with or without `new`. */
function ReadStream(fd: unknown): unknown {
  checkDescriptor(fd);
  if (fd !== 0 || !isatty(0)) throw notATerminal();
  return standardInput();
}

function WriteStream(fd: unknown): unknown {
  checkDescriptor(fd);
  if ((fd !== 1 && fd !== 2) || !isatty(fd)) throw notATerminal();
  return standardOutput(fd);
}

/** `stream instanceof tty.WriteStream` is how packages ask whether they write to a terminal. */
function recognises(given: object, is: (value: object) => boolean): void {
  Object.defineProperty(given, Symbol.hasInstance, {
    value: (value: unknown): boolean => typeof value === 'object' && value !== null && is(value),
  });
}

recognises(ReadStream, (value) => isatty(0) && value === standardInput());
recognises(WriteStream, (value) =>
  ([1, 2] as const).some((fd) => isatty(fd) && value === standardOutput(fd)),
);
Object.assign(ReadStream.prototype, { setRawMode: throwing('tty', 'ReadStream.setRawMode') });

const colours = (env: Readonly<Record<string, string | undefined>>): number => {
  const { FORCE_COLOR: forced } = env;
  if (forced !== undefined) return { 0: 1, 2: 8, 3: 24 }[forced] ?? 4;
  if (env.NO_COLOR !== undefined || env.NODE_DISABLE_COLORS || env.TERM === 'dumb') return 1;
  if (env.COLORTERM === 'truecolor' || env.COLORTERM === '24bit') return 24;
  if (/-256(?:color)?$/i.test(env.TERM ?? '')) return 8;
  return /^(?:screen|xterm|vt100|rxvt|linux|ansi|color|cygwin)/i.test(env.TERM ?? '') ? 4 : 1;
};

Object.assign(WriteStream.prototype, {
  isTTY: true,
  getColorDepth: (env: object = bootConfig().env): number => colours({ ...env }),
  hasColors(count?: unknown, env?: object): boolean {
    if (count !== undefined && typeof count !== 'object') {
      if (typeof count !== 'number' || !Number.isInteger(count))
        throw outOfRange('count', 'an integer', count);
      if (count < 2) throw outOfRange('count', '>= 2', count);
    }
    const wanted = typeof count === 'number' ? count : 16;
    const given = (typeof count === 'object' ? count : env) ?? bootConfig().env;
    return wanted <= 2 ** colours({ ...given });
  },
});

export const exported: Record<string, unknown> = { isatty, ReadStream, WriteStream };
