/** Trees of heap-tree.ts as one short line for people, in the manner of Node's util.inspect. */

const NAME = /^[A-Za-z_$#][\w$]*$/;

/** `tree` in at most `charactersMax` characters. */
export function treeText(tree: unknown, charactersMax: number): string {
  const text = textOf(tree, 0);
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}

function textOf(tree: unknown, depth: number): string {
  if (typeof tree === 'string') return quote(tree);
  if (typeof tree !== 'object' || tree === null) return String(tree);
  if (Array.isArray(tree))
    return list(
      '[',
      tree.map((one) => elementText(one, depth)),
      ']',
    );
  return objectText(tree as Record<string, unknown>, depth);
}

function quote(text: string): string {
  return `'${text.replace(/[\\'\n\r\t]/g, (one) => ESCAPES[one] ?? one)}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function elementText(one: unknown, depth: number): string {
  if (isMore(one)) return `... ${one.$more} more`;
  return textOf(one, depth + 1);
}

function isMore(one: unknown): one is { readonly $more: number } {
  return typeof one === 'object' && one !== null && Object.keys(one).join() === '$more';
}

function objectText(tree: Record<string, unknown>, depth: number): string {
  const kind = typeof tree.$ === 'string' ? tree.$ : '';
  const scalar = scalarText(kind, tree);
  if (scalar !== undefined) return scalar;
  if (tree.$cut === true)
    return `[${kind}${typeof tree.size === 'number' ? ` (${tree.size})` : ''}]`;
  const more = typeof tree.$more === 'number' ? [`... ${tree.$more} more`] : [];
  const own = (except: readonly string[]): string[] =>
    Object.entries(tree)
      .filter(([name]) => !['$', '$more', ...except].includes(name))
      .map(([name, value]) => `${keyText(name)}: ${textOf(value, depth + 1)}`);
  if (Array.isArray(tree.entries) && kind !== '') {
    const entries = (tree.entries as [unknown, unknown][]).map(
      ([key, value]) => `${textOf(key, depth + 1)} => ${textOf(value, depth + 1)}`,
    );
    return list(`${kind} {`, [...entries, ...more, ...own(['entries'])], '}');
  }
  if (Array.isArray(tree.values) && kind !== '') {
    const values = tree.values.map((one) => textOf(one, depth + 1));
    return list(`${kind} {`, [...values, ...more, ...own(['values', 'length'])], '}');
  }
  return list(kind === '' ? '{' : `${kind} {`, [...own([]), ...more], '}');
}

/** Kinds that are one word or value. */
function scalarText(kind: string, tree: Record<string, unknown>): string | undefined {
  const value = String(tree.value);
  switch (kind) {
    case 'undefined':
    case 'uninitialized':
    case 'other':
      return kind;
    case 'number':
      return value;
    case 'string':
      return `${quote(value)}... ${String(tree.$more)} more`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return `Symbol(${String(tree.description)})`;
    case 'function':
      return `[Function: ${String(tree.name) || '(anonymous)'}]`;
    case 'circular':
      return '[Circular]';
    case 'accessor':
      return '[Getter/Setter]';
    case 'lazy':
      return '[not made yet]';
    case 'hole':
      return `<${String(tree.count)} empty>`;
    default:
      return undefined;
  }
}

function keyText(name: string): string {
  return NAME.test(name) ? name : quote(name);
}

function list(open: string, parts: readonly string[], close: string): string {
  if (parts.length === 0) return `${open}${close}`;
  const gap = open.endsWith('{') ? ' ' : '';
  return `${open}${gap}${parts.join(', ')}${gap}${close}`;
}
