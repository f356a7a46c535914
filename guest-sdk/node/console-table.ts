/** The drawing of `console.table`, as Node 20 draws it: cells in box characters. */

const INDEX = '(index)';
const ITERATION_INDEX = '(iteration index)';
const KEY = 'Key';
const VALUES = 'Values';

type Inspect = (value: unknown, options?: object) => string;

function cell(value: unknown, inspect: Inspect): string {
  const isDeep = typeof value === 'object' && value !== null && !Array.isArray(value);
  const depth = isDeep && Object.keys(value).length > 2 ? -1 : 0;
  return inspect(value, { maxArrayLength: 3, breakLength: Number.POSITIVE_INFINITY, depth });
}

function draw(columns: readonly { head: string; cells: readonly string[] }[]): string {
  const rows = Math.max(0, ...columns.map((column) => column.cells.length));
  const widths = columns.map(
    (column) => Math.max(column.head.length, ...column.cells.map((text) => text.length)) + 2,
  );
  const padded = (text: string, width: number): string => ` ${text.padEnd(width - 1)}`;
  const line = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
  const row = (texts: readonly string[]): string =>
    `│${texts.map((text, i) => padded(text, widths[i] ?? 0)).join('│')}│`;
  const lines = [
    line('┌', '┬', '┐'),
    row(columns.map((column) => column.head)),
    line('├', '┼', '┤'),
  ];
  for (let i = 0; i < rows; i++) lines.push(row(columns.map((column) => column.cells[i] ?? '')));
  lines.push(line('└', '┴', '┘'));
  return lines.join('\n');
}

/** One row per entry of `data`; a column per property found, and one for plain values. */
export function table(data: object, only: readonly string[] | undefined, inspect: Inspect): string {
  const isMap = data instanceof Map;
  const isSet = data instanceof Set;
  const index: string[] = [];
  const keys: string[] = [];
  const values: string[] = [];
  const columns = new Map<string, string[]>((only ?? []).map((name) => [name, []]));
  let hasValues = false;
  const entries: [unknown, unknown][] = isMap
    ? [...data.entries()]
    : isSet
      ? [...data.values()].map((value, i) => [i, value])
      : Object.entries(data);
  entries.forEach(([key, value], i) => {
    index.push(isMap || isSet ? String(i) : String(key));
    if (isMap) keys.push(cell(key, inspect));
    const isRow = !isMap && typeof value === 'object' && value !== null;
    if (!isRow) {
      hasValues = true;
      values[i] = cell(value, inspect);
      return;
    }
    const row = value as Record<string, unknown>;
    for (const name of only ?? Object.keys(row)) {
      if (!Object.hasOwn(row, name)) continue;
      const column = columns.get(name) ?? [];
      column[i] = cell(row[name], inspect);
      columns.set(name, column);
    }
  });
  const drawn = [{ head: isMap || isSet ? ITERATION_INDEX : INDEX, cells: index }];
  if (isMap) drawn.push({ head: KEY, cells: keys });
  for (const [head, cells] of columns) drawn.push({ head, cells: filled(cells, entries.length) });
  if (hasValues) drawn.push({ head: VALUES, cells: filled(values, entries.length) });
  return draw(drawn);
}

function filled(cells: readonly (string | undefined)[], length: number): string[] {
  return Array.from({ length }, (_, i) => cells[i] ?? '');
}
