/**
 * tr46 in the firmware: its table in a short form, and not evaluated before a host name beyond ASCII
 * asks for it. As JSON the table is 143 kB of source and, as code that builds 9,000 small arrays,
 * 2.1 MB of every guest's memory; packed, it is 57 kB of text.
 *
 * Entries follow each other without a gap, so one is written as its status, the length of its range
 * and what it maps to: the first code point as the distance from the one it replaces.
 */

import { readFileSync } from 'node:fs';

const RADIX = 36;

/** Text of `table`, an array of `[codePoint | [first, last], status, mapping?]`. */
export function packTable(table) {
  let next = 0;
  const entries = table.map(([range, status, mapping]) => {
    const [first, last] = Array.isArray(range) ? range : [range, range];
    if (first !== next) throw new Error(`the table of tr46 has a gap at ${next}`);
    next = last + 1;
    const length = last === first ? '' : (last - first).toString(RADIX);
    // A range of one is written as a number, not as a pair: "!" keeps apart what is the same.
    const pair = Array.isArray(range) && last === first ? '!' : '';
    if (mapping === undefined) return `${status}${pair}${length}`;
    const points = [...mapping].map((char) => char.codePointAt(0));
    const rest = points.map((point, index) => (index === 0 ? point - first : point));
    return `${status}${pair}${length}:${rest.map((point) => point.toString(RADIX)).join('.')}`;
  });
  return entries.join(' ');
}

/** The reverse of `packTable`. Its source goes into the firmware: it may use nothing from outside. */
export function unpackTable(text) {
  let next = 0;
  return text.split(' ').map((entry) => {
    const [head, mapped] = entry.split(':');
    const isPair = head.includes('!') || head.length > 1;
    const first = next;
    const last = first + (Number.parseInt(head.slice(1).replace('!', ''), 36) || 0);
    next = last + 1;
    const unpacked = [isPair ? [first, last] : first, Number(head[0])];
    if (mapped === undefined) return unpacked;
    const points =
      mapped === '' ? [] : mapped.split('.').map((point) => Number.parseInt(point, 36));
    if (points.length > 0) points[0] += first;
    unpacked.push(String.fromCodePoint(...points));
    return unpacked;
  });
}

/** What whatwg-url gets for tr46. Names in ASCII need no table (URL Standard, "domain to ASCII"). */
const LATE = `exports.toASCII = (domain, options) =>
  /[^\\0-\\x7f]|xn--/i.test(domain)
    ? require('tr46').toASCII(domain, options)
    : domain.toLowerCase();`;

/** For esbuild: tr46 packed and late. */
export const bundleIdna = {
  name: 'bundle-idna',
  setup(build) {
    build.onResolve({ filter: /^tr46$/ }, ({ importer }) =>
      importer.includes('whatwg-url') ? { path: 'tr46', namespace: 'late' } : undefined,
    );
    build.onLoad({ filter: /^tr46$/, namespace: 'late' }, () => ({
      contents: LATE,
      resolveDir: import.meta.dirname,
    }));
    build.onLoad({ filter: /[\\/]tr46[\\/]lib[\\/]mappingTable\.json$/ }, ({ path }) => {
      const packed = JSON.stringify(packTable(JSON.parse(readFileSync(path, 'utf8'))));
      return { contents: `module.exports = (${unpackTable})(${packed});`, loader: 'js' };
    });
  },
};
