/** The shortest way from one list of lines to another (Myers, "An O(ND) Difference Algorithm", 1986). */

export interface DiffLine {
  /** `+`: of the first list alone; `-`: of the second; a space: of both. */
  readonly sign: '+' | '-' | ' ';
  readonly text: string;
}

/** Beyond so many differing lines no shortest way is looked for: memory grows with its square. */
const STEPS_MAX = 2000;

/** Where on each diagonal one got with so many steps: the number of lines taken from the first list. */
interface Reach {
  readonly steps: number;
  readonly at: Int32Array;
}

const on = ({ steps, at }: Reach, diagonal: number): number => at[diagonal + steps + 1] ?? -1;

/** The diagonal one comes from: that which got further, a line of the first list last. */
function before(reach: Reach, diagonal: number, steps: number): number {
  if (diagonal === -steps) return diagonal + 1;
  if (diagonal === steps) return diagonal - 1;
  return on(reach, diagonal - 1) < on(reach, diagonal + 1) ? diagonal + 1 : diagonal - 1;
}

/** Lines of both, in order. `same` tells which lines count as one. */
export function diffLines(
  first: readonly string[],
  second: readonly string[],
  same: (a: string, b: string) => boolean,
): DiffLine[] {
  const most = Math.min(first.length + second.length, STEPS_MAX);
  const reaches: Reach[] = [];
  let last: Reach = { steps: 0, at: new Int32Array(3) };
  for (let steps = 0; steps <= most; steps++) {
    reaches.push(last);
    const at = new Int32Array(2 * steps + 3).fill(-1);
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const from = before(last, diagonal, steps);
      let x = steps === 0 ? 0 : on(last, from) + (from < diagonal ? 1 : 0);
      while (
        x < first.length &&
        x - diagonal < second.length &&
        same(first[x] as string, second[x - diagonal] as string)
      )
        x++;
      at[diagonal + steps + 1] = x;
      if (x >= first.length && x - diagonal >= second.length)
        return wayBack(first, second, reaches);
    }
    last = { steps, at };
  }
  return [
    ...first.map((text): DiffLine => ({ sign: '+', text })),
    ...second.map((text): DiffLine => ({ sign: '-', text })),
  ];
}

function wayBack(
  first: readonly string[],
  second: readonly string[],
  reaches: readonly Reach[],
): DiffLine[] {
  const lines: DiffLine[] = [];
  let [x, y] = [first.length, second.length];
  for (let steps = reaches.length - 1; steps >= 0; steps--) {
    const reach = reaches[steps] as Reach;
    const from = before(reach, x - y, steps);
    const fromX = steps === 0 ? 0 : on(reach, from);
    const fromY = steps === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) {
      const [mine, other] = [first[--x] as string, second[--y] as string];
      // Of two that differ by a comma at the end, that which has it.
      lines.push({ sign: ' ', text: mine.length < other.length ? other : mine });
    }
    if (steps === 0) break;
    if (x > fromX) lines.push({ sign: '+', text: first[--x] as string });
    else lines.push({ sign: '-', text: second[--y] as string });
  }
  return lines.reverse();
}
