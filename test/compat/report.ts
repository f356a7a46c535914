/** The generated parts of docs/compatibility.md. */

import type { Comparison } from './differential.ts';
import type { Program } from './programs.ts';

export interface Result extends Program {
  /** Undefined when the guest printed what Node printed. */
  readonly difference: string | undefined;
  /** Why it differs, as `known.json` has it. */
  readonly reason: string | undefined;
}

export type Part = 'npm run compat' | 'npm run compat -- --differential';
const END = '<!-- to here -->';

function beginOf(part: Part): string {
  return `<!-- ${part} writes from here -->`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function rowsOf(result: Result): string[] {
  const { group, file, packages, difference, reason } = result;
  const outcome = difference === undefined ? 'same' : `differs: ${reason ?? difference}`;
  const program = `[${file}](../test/compat/programs/${group}/${file})`;
  return packages.map(
    ({ name, version }) => `| ${name} | ${version} | ${program} | ${cell(outcome)} |`,
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
  return `${count}\n\n${tables.join('\n')}`;
}

/** One row a file of the differential suite; what differs is listed below. */
export function composeDifferences(results: readonly Comparison[]): string {
  const files = [...new Set(results.map(({ file }) => file.replace(/\/.*/, '')))];
  const differing = results.filter(({ difference }) => difference !== undefined);
  const rows = files.map((file) => {
    const own = results.filter((result) => result.file.replace(/\/.*/, '') === file);
    const same = own.filter(({ difference }) => difference === undefined).length;
    return `| [${file}](../test/compat/differential/${file}) | ${own.length} | ${same} |`;
  });
  const table = `| programs | number | same |\n|---|---|---|\n${rows.join('\n')}`;
  const list = differing.map(
    ({ file, program, difference, reason }) =>
      `| ${file} | ${cell(program)} | ${cell(reason ?? difference ?? '')} |`,
  );
  const reasons =
    list.length === 0
      ? ''
      : `\n\n| programs | which | why it differs |\n|---|---|---|\n${list.join('\n')}`;
  const count = `${results.length} programs; ${results.length - differing.length} print under hv what they print under Node ${process.versions.node}.`;
  return `${count}\n\n${table}${reasons}\n`;
}

/** `page` with a generated part replaced. Throws when the page has no place for it. */
export function insert(page: string, part: Part, text: string): string {
  const begin = beginOf(part);
  const from = page.indexOf(begin);
  const to = page.indexOf(END, from);
  if (from < 0 || to < from) throw new Error(`the page has no place between ${begin} and ${END}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n${page.slice(to)}`;
}
