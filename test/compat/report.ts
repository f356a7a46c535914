/** The part of docs/compatibility.md about packages from npm. */

import type { Program } from './programs.ts';

export interface Result extends Program {
  /** Undefined when the guest printed what Node printed. */
  readonly difference: string | undefined;
  /** Why it differs, as `known.json` has it. */
  readonly reason: string | undefined;
}

const BEGIN = '<!-- npm run compat writes from here -->';
const END = '<!-- to here -->';

function rowsOf(result: Result): string[] {
  const { group, file, packages, difference, reason } = result;
  const outcome = difference === undefined ? 'same' : `differs: ${reason ?? difference}`;
  const program = `[${file}](../test/compat/programs/${group}/${file})`;
  return packages.map(
    ({ name, version }) =>
      `| ${name} | ${version} | ${program} | ${outcome.replaceAll('|', '\\|')} |`,
  );
}

/** The generated part: one table a group. */
export function compose(results: readonly Result[]): string {
  const groups = [...new Set(results.map(({ group }) => group))];
  const packages = new Set(results.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const same = results.filter(({ difference }) => difference === undefined);
  const tables = groups.map((group) => {
    const rows = results.filter((result) => result.group === group).flatMap(rowsOf);
    return `### ${group}\n\n| package | version | program | under hv |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  const count = `${results.length} programs with ${packages.size} packages; ${same.length} programs print under hv what they print under Node ${process.versions.node}.`;
  return `${BEGIN}\n\n${count}\n\n${tables.join('\n')}\n${END}`;
}

/** `page` with its generated part replaced. Throws when the page has no place for it. */
export function insert(page: string, part: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the page has no place between ${BEGIN} and ${END}`);
  return page.slice(0, from) + part + page.slice(to + END.length);
}
