/**
 * A page that is drawn again and again on a terminal: the alternate screen, cut to its size, until `q`,
 * ctrl-c or the end of the input. Leaves the terminal as it was, whatever happens.
 */

import { WATCH_MS } from '../base/limits.ts';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
/** `q`, ctrl-c and ctrl-d: in raw mode the terminal makes no signals of them. */
const QUITS: readonly string[] = ['q', '\x03', '\x04'];
const CLEAR_REST = '\x1b[J';

/** Where a page is drawn: `process.stdin` and `process.stdout`, or what a test has in their place. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** `lines` cut to what fits, from the home position, with nothing of an older page left. */
export function frameOf(
  lines: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string {
  // The last row stays empty: a line break in it would scroll.
  const shown = lines
    .slice(0, Math.max(1, rows - 1))
    .map((line) => cut(line, columns) + CLEAR_LINE);
  return `${HOME}${shown.join('\r\n')}${CLEAR_REST}`;
}

/** Control characters would move the cursor: names come from whoever runs a guest. */
function cut(line: string, columns: number): string {
  const plain = [...line].filter((char) => char >= ' ' && !(char >= '\x7f' && char < '\xa0'));
  return plain.slice(0, columns).join('');
}

/** Draws `page` every WATCH_MS, and at once when the terminal changes its size. */
export function watchScreen(
  { input, output }: Terminal,
  page: () => Promise<readonly string[]>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    let drawing = false;
    let lines: readonly string[] = [];
    const put = (): void => {
      if (over) return;
      const { columns = 80, rows = 24 } = output;
      output.write(frameOf(lines, { columns, rows }));
    };
    const draw = (): void => {
      if (drawing) return;
      drawing = true;
      page().then(
        (next) => {
          drawing = false;
          lines = next;
          put();
        },
        (error: unknown) => end(error),
      );
    };
    const timer = setInterval(draw, WATCH_MS);
    const leave = (): void => void output.write(LEAVE);
    const onKey = (key: Buffer | string): void => {
      if ([...key.toString()].some((char) => QUITS.includes(char))) end();
    };
    const onEnd = (): void => end();
    const end = (error?: unknown): void => {
      if (over) return;
      over = true;
      clearInterval(timer);
      output.off('resize', put);
      input.off('data', onKey).off('end', onEnd);
      if (input.isTTY) input.setRawMode(false);
      input.pause();
      process.off('exit', leave);
      leave();
      if (error === undefined) resolve();
      else reject(error);
    };
    process.on('exit', leave);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end());
    if (input.isTTY) input.setRawMode(true);
    input.on('data', onKey).on('end', onEnd);
    output.on('resize', put);
    output.write(ENTER);
    draw();
  });
}
