/**
 * Draws the state diagrams of docs/protocol.md from the code: every method that news can reach is followed
 * with the set of states it may be in, through its branches, asserts and calls, and what comes out is what
 * one piece of news does to a state. With --check it only says whether the page is up to date.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { parseAst } from 'vitest/node';

const PAGE = new URL('../docs/protocol.md', import.meta.url);

/** Text and declarations of a file of the protocol. */
function source(path) {
  const text = readFileSync(new URL(`../hypervisor/protocol/${path}`, import.meta.url), 'utf8');
  const { body } = parseAst(text, { lang: 'ts' });
  return { text, declared: body.map((one) => one.declaration ?? one) };
}

const named = ({ declared }, name) => declared.find((one) => one.id?.name === name);

const DIAGRAMS = [
  {
    name: 'backup-phases',
    file: 'backup.ts',
    className: 'BackupCore',
    field: '#phase',
    type: ['backup-copy.ts', 'BackupPhase'],
    /** Everything a backup hears goes through one method. */
    entries: ['step'],
    /** There is a copy in every phase but this one: a test of the variable is a test of the phase. */
    absent: { variable: 'copy', state: 'idle' },
    /** A hello is taken only where this function of another file says so. */
    guard: { file: 'backup-copy.ts', function: 'outdates', variable: 'reason' },
    last: 'ended',
  },
  {
    name: 'session-states',
    file: 'backup-session.ts',
    className: 'BackupSession',
    field: '#state',
    type: ['backup-session.ts', 'SessionState'],
    entries: ['welcomed', 'streamed', 'acked', 'lose'],
    last: 'lost',
  },
];

/** The members of a union of strings. */
function statesOf([file, name]) {
  return named(source(file), name).typeAnnotation.types.map((one) => one.literal.value);
}

/** `a.b.#c` of an expression made of names; of anything else a text that is no such name. */
function path(node) {
  switch (node.type) {
    case 'ThisExpression':
      return 'this';
    case 'Identifier':
      return node.name;
    case 'PrivateIdentifier':
      return `#${node.name}`;
    case 'MemberExpression':
      return `${path(node.object)}.${path(node.property)}`;
    default:
      return '?';
  }
}

const isText = (node) => node.type === 'Literal' && typeof node.value === 'string';
const isComparison = (node) =>
  node.type === 'BinaryExpression' && (node.operator === '===' || node.operator === '!==');

/** What a comparison says of the state: it is (or is not) this one; undefined: nothing. */
function comparison(node, { names, absent }) {
  if (!isComparison(node)) return undefined;
  const is = node.operator === '===';
  const left = path(node.left);
  if (names.includes(left) && isText(node.right)) return { state: node.right.value, is };
  const isAbsence = left === absent?.variable && path(node.right) === 'undefined';
  return isAbsence ? { state: absent.state, is } : undefined;
}

/** A set of states, each with the news that led there last: '' is where it began. */
const only = (from, holds) => new Map([...from].filter(([state]) => holds(state)));
const union = (...all) => {
  const sum = new Map();
  for (const one of all)
    for (const [state, news] of one) sum.set(state, new Set([...(sum.get(state) ?? []), ...news]));
  return sum;
};
const NOTHING = new Map();

/** Where a condition may be true, and where false. */
function split(node, from, facts) {
  if (node.type === 'UnaryExpression' && node.operator === '!') {
    const [yes, no] = split(node.argument, from, facts);
    return [no, yes];
  }
  if (node.type === 'LogicalExpression') {
    const [left, notLeft] = split(node.left, from, facts);
    const [right, notRight] = split(node.right, node.operator === '&&' ? left : notLeft, facts);
    return node.operator === '&&'
      ? [right, union(notLeft, notRight)]
      : [union(left, right), notRight];
  }
  const said = comparison(node, facts);
  if (said !== undefined) {
    const is = only(from, (one) => one === said.state);
    const isNot = only(from, (one) => one !== said.state);
    return said.is ? [is, isNot] : [isNot, is];
  }
  const { guard } = facts;
  const turnsAway = guard !== undefined && isComparison(node) && path(node.left) === guard.variable;
  return [from, turnsAway ? only(from, (one) => guard.taken.includes(one)) : from];
}

/** Names of news in a condition on some `.type`: what is compared on the way to true. */
function newsIn(node) {
  if (node.type === 'LogicalExpression') {
    const news = [...newsIn(node.left), ...newsIn(node.right)];
    return node.operator === '&&' || news.length < 2 ? news : [news.join(' or ')];
  }
  const isType = isComparison(node) && path(node.left).endsWith('.type') && isText(node.right);
  return isType && node.operator === '===' ? [node.right.value] : [];
}

/** The states that a guard does not turn away with a bare `return false`. */
function takenBy(guard, states) {
  let left = new Map(states.map((state) => [state, new Set()]));
  for (const one of named(source(guard.file), guard.function).body.body) {
    const refuses = one.type === 'IfStatement' && one.consequent.argument?.value === false;
    if (refuses) left = split(one.test, left, { names: ['phase'] })[1];
  }
  return [...left.keys()];
}

class Walk {
  #methods = new Map();
  #field;
  #facts;

  constructor(diagram, states) {
    for (const { type, key, value } of named(source(diagram.file), diagram.className).body.body)
      if (type === 'MethodDefinition') this.#methods.set(path(key), value);
    this.#field = `this.${diagram.field}`;
    const guard = diagram.guard && { ...diagram.guard, taken: takenBy(diagram.guard, states) };
    this.#facts = { names: [this.#field], absent: diagram.absent, guard };
  }

  /** States after `method`, begun in `from`. */
  call(method, from, news) {
    const returned = [];
    const { body } = this.#methods.get(method).body;
    const end = this.#statements(body, from, { news, returned });
    return union(end, ...returned);
  }

  #statements(list, from, way) {
    let now = from;
    for (const one of list) now = this.#statement(one, now, way);
    return now;
  }

  #statement(node, from, way) {
    if (from.size === 0) return from;
    switch (node.type) {
      case 'BlockStatement':
        return this.#statements(node.body, from, way);
      case 'IfStatement': {
        const before = this.#expression(node.test, from, way);
        const [yes, no] = split(node.test, before, this.#facts);
        const known = { ...way, news: [...way.news, ...newsIn(node.test)] };
        const after = this.#statement(node.consequent, yes, known);
        return union(after, node.alternate ? this.#statement(node.alternate, no, way) : no);
      }
      case 'ReturnStatement':
        way.returned.push(node.argument ? this.#expression(node.argument, from, way) : from);
        return NOTHING;
      case 'SwitchStatement':
        // No case falls through to the next one.
        return union(...node.cases.map((one) => this.#case(one, from, way)));
      default:
        return this.#expression(node, from, way);
    }
  }

  #case({ test, consequent }, from, way) {
    const news = test !== null && isText(test) ? [...way.news, test.value] : way.news;
    return this.#statements(consequent, from, { ...way, news });
  }

  /** Calls, asserts and assignments, in the order in which they are written. */
  #expression(node, from, way) {
    if (node.type === 'ArrowFunctionExpression') return from;
    if (node.type === 'AssignmentExpression' && path(node.left) === this.#field)
      return union(...targets(node.right).map((to) => moved(from, to, way.news)));
    let now = from;
    for (const child of childrenOf(node)) now = this.#expression(child, now, way);
    if (node.type !== 'CallExpression') return now;
    const callee = path(node.callee);
    if (callee === 'assert') return split(node.arguments[0], now, this.#facts)[0];
    const own = callee.replace(/^this\./, '');
    return own !== callee && this.#methods.has(own) ? this.call(own, now, way.news) : now;
  }
}

function childrenOf(node) {
  const values = Object.values(node).flat();
  return values.filter((one) => typeof one?.type === 'string');
}

/** What is assigned: one state, or one of two. */
function targets(node) {
  if (isText(node)) return [node.value];
  if (node.type === 'ConditionalExpression')
    return [...targets(node.consequent), ...targets(node.alternate)];
  throw new Error('a state is assigned in a way that this generator does not understand');
}

function moved(from, to, news) {
  if (from.size === 0) return NOTHING;
  const [first, ...rest] = news;
  // A message is known by its own name.
  return new Map([[to, new Set([(first === 'message' ? rest : news).join(' ')])]]);
}

function draw(diagram) {
  const states = statesOf(diagram.type);
  const walk = new Walk(diagram, states);
  const reached = [states[0]];
  const edges = [];
  for (const state of reached) {
    const after = diagram.entries.map((entry) => {
      const news = diagram.entries.length > 1 ? [entry] : [];
      return walk.call(entry, new Map([[state, new Set([''])]]), news);
    });
    for (const [to, why] of union(...after)) {
      const news = [...why].filter((one) => one !== '').sort();
      if (news.length === 0) continue;
      if (!reached.includes(to)) reached.push(to);
      if (to !== state) edges.push({ from: state, to, news });
    }
  }
  const missing = states.filter((state) => !reached.includes(state));
  if (missing.length > 0) throw new Error(`no way leads to ${missing.join(', ')}`);
  const rank = (state) => states.indexOf(state);
  edges.sort((a, b) => rank(a.from) - rank(b.from) || rank(a.to) - rank(b.to));
  return [
    '```mermaid',
    'stateDiagram-v2',
    `  [*] --> ${states[0]}`,
    ...edges.map(({ from, to, news }) => `  ${from} --> ${to}: ${news.join(', ')}`),
    `  ${diagram.last} --> [*]`,
    '```',
  ].join('\n');
}

function drawn(text) {
  return DIAGRAMS.reduce((page, diagram) => {
    const [begin, end] = ['begin', 'end'].map((edge) => `<!-- ${diagram.name}:${edge} -->`);
    const [from, to] = [page.indexOf(begin), page.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/protocol.md has no ${begin} … ${end}`);
    return `${page.slice(0, from + begin.length)}\n${draw(diagram)}\n${page.slice(to)}`;
  }, text);
}

const page = readFileSync(PAGE, 'utf8');
const fresh = drawn(page);
if (!process.argv.includes('--check')) writeFileSync(PAGE, fresh);
else if (fresh !== page) {
  process.stderr.write('docs/protocol.md is behind: node scripts/generate-protocol-diagrams.mjs\n');
  process.exit(1);
}
