/** The variables of one guest at one moment, by the names its author gave them. */

import type { Variable } from './scopes.ts';
import type { SourceName, SourceNames } from './source-names.ts';

export interface NamedVariable extends SourceName, Variable {
  /** 0 for the top level of the user's own files; higher is farther from the user. */
  readonly rank: number;
}

export type Resolution =
  | { readonly type: 'found'; readonly record: number }
  | { readonly type: 'ambiguous'; readonly candidates: readonly NamedVariable[] }
  | { readonly type: 'none' };

const VENDOR = '/node_modules/';
/** Added to the rank of a variable that is asked for by the image's spelling of it. */
const SPELLING_RANK = 10;

export class ScopeView {
  readonly variables: readonly NamedVariable[];
  readonly #byName = new Map<string, { rank: number; variable: NamedVariable }[]>();

  constructor(variables: readonly Variable[], names: SourceNames) {
    this.variables = variables.map((variable) => {
      const source = names.of(variable.declaration);
      const name = source.name === '' ? variable.declaration.name : source.name;
      return { ...source, ...variable, name, rank: rankOf(source) };
    });
    for (const variable of this.variables) {
      this.#add(variable.name, { rank: variable.rank, variable });
      const spelling = variable.declaration.name;
      if (spelling !== variable.name)
        this.#add(spelling, { rank: variable.rank + SPELLING_RANK, variable });
    }
  }

  /**
   * The variable a bare name means: at the top level of the user's files first, then of packages,
   * then inside functions. Two of the same standing are ambiguous.
   */
  resolve(name: string): Resolution {
    const all = this.#byName.get(name);
    if (all === undefined) return { type: 'none' };
    const best = Math.min(...all.map(({ rank }) => rank));
    const candidates = all.filter(({ rank }) => rank === best).map(({ variable }) => variable);
    const records = candidates.flatMap((one) => one.records);
    const [only] = records;
    if (only !== undefined && records.length === 1) return { type: 'found', record: only };
    return { type: 'ambiguous', candidates };
  }

  /** Every instance of every variable of that name. */
  all(name: string): number[] {
    return (this.#byName.get(name) ?? []).flatMap(({ variable }) => variable.records);
  }

  /** Names that may be written, the user's own first. */
  names(): string[] {
    const shown = this.variables.filter(({ file }) => file !== '');
    return [...new Set(shown.toSorted((a, b) => a.rank - b.rank).map(({ name }) => name))];
  }

  /** Files with variables at their top level. */
  files(): string[] {
    const files = this.variables.filter((one) => one.isTopLevel && one.file !== '');
    return [...new Set(files.map(({ file }) => file))];
  }

  /** Files whose path is `file` or ends with it after a slash. */
  filesLike(file: string): string[] {
    const files = this.files();
    return files.includes(file) ? [file] : files.filter((one) => one.endsWith(`/${file}`));
  }

  topLevel(file: string): NamedVariable[] {
    return this.variables.filter((one) => one.isTopLevel && one.file === file);
  }

  /** "file: name", for people. */
  placeOf({ file, name, isTopLevel, declaration }: NamedVariable): string {
    const inside = isTopLevel ? '' : ` in ${declaration.owner.name || '(anonymous)'}`;
    return `${this.shortName(file)}: ${name}${inside}`;
  }

  /** The end of a path that no other file shares. */
  shortName(file: string): string {
    const parts = file.split('/');
    for (let from = parts.length - 1; from > 0; from--) {
      const short = parts.slice(from).join('/');
      if (this.filesLike(short).length <= 1) return short;
    }
    return file;
  }

  #add(name: string, one: { rank: number; variable: NamedVariable }): void {
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, [one]);
    else known.push(one);
  }
}

function rankOf({ file, isTopLevel }: SourceName): number {
  if (file === '') return 4;
  return (isTopLevel ? 0 : 2) + (file.includes(VENDOR) ? 1 : 0);
}

/** Up to `max` of `names` that differ little from `name`, nearest first. */
export function nearest(name: string, names: readonly string[], max: number): string[] {
  const allowed = Math.max(1, Math.floor(name.length / 3));
  const lower = name.toLowerCase();
  return names
    .map((one) => ({ one, distance: editDistance(lower, one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= allowed || one.toLowerCase().startsWith(lower))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, max)
    .map(({ one }) => one);
}

/** Insertions, deletions and substitutions from one text to the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const cost = from[i - 1] === to[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
