/**
 * Writes guest-sdk/late/time-zone-data.ts: the offsets of every time zone from 1970 to 2065, and what
 * they are called in English, as the Intl of the Node that runs this has them. A guest takes them from
 * its firmware, so that a replay elsewhere, or years later, gives the same times.
 *
 * Run it by hand when a new release of the data matters: `node scripts/generate-time-zones.mjs`. The
 * names come from the system's /usr/share/zoneinfo, the offsets do not.
 */

import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAMES = '/usr/share/zoneinfo';
const target = new URL('../guest-sdk/late/time-zone-data.ts', import.meta.url);
const FIRST = Date.UTC(1970, 0, 1);
const END = Date.UTC(2066, 0, 1);
const MINUTE = 60_000;
/** No zone changed twice within this. */
const STEP = 7 * 24 * 60 * MINUTE;

function names(folder = '') {
  return readdirSync(join(NAMES, folder)).flatMap((name) => {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (/^(?:posix|right|posixrules|localtime|Factory)/.test(path) || /\./.test(name)) return [];
    return statSync(join(NAMES, path)).isDirectory() ? names(path) : [path];
  });
}

function formatter(zone) {
  const parts = { year: 'numeric', month: 'numeric', day: 'numeric', era: 'short' };
  const times = { hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' };
  return new Intl.DateTimeFormat('en-US', { timeZone: zone, ...parts, ...times });
}

/** Minutes ahead of UTC. */
function offsetAt(format, time) {
  const part = Object.fromEntries(
    format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
  );
  const { year, month, day, hour, minute, second } = part;
  return Math.round((Date.UTC(year, month - 1, day, hour, minute, second) - time) / MINUTE);
}

/** "offset" and then "minutes since the last change,offset" for each change; in base 36. */
function changesOf(zone) {
  const format = formatter(zone);
  const parts = [offsetAt(format, FIRST).toString(36)];
  let before = offsetAt(format, FIRST);
  let last = FIRST;
  for (let time = FIRST; time < END; time += STEP) {
    const next = offsetAt(format, time + STEP);
    if (next === before) continue;
    let [low, high] = [time, time + STEP];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (offsetAt(format, middle) === before) low = middle;
      else high = middle;
    }
    parts.push(((high - last) / MINUTE).toString(36), next.toString(36));
    last = high;
    before = next;
  }
  return parts.join(' ');
}

function nameOf(zone, form, time) {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: form });
  return format.formatToParts(time).find(({ type }) => type === 'timeZoneName').value;
}

/** Short and long names in winter and in summer; empty where they only say the offset. */
function namesOf(zone) {
  const format = formatter(zone);
  const times = [Date.UTC(2024, 0, 15), Date.UTC(2024, 6, 15)];
  times.sort((a, b) => offsetAt(format, a) - offsetAt(format, b));
  return ['short', 'long']
    .flatMap((form) => times.map((time) => nameOf(zone, form, time)))
    .map((name) => (name.startsWith('GMT') && name !== 'GMT' ? '' : name))
    .join('/');
}

const canonical = new Map();
const zones = new Map();
for (const name of names().sort()) {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions();
    canonical.set(name, timeZone);
    zones.set(timeZone, undefined);
  } catch {
    // Not one of Intl's.
  }
}
const index = new Map();
const number = (text) => {
  if (!index.has(text)) index.set(text, index.size);
  return index.get(text).toString(36);
};
const rows = [...zones.keys()]
  .filter((zone) => zone !== 'UTC' && !zone.startsWith('Etc/'))
  .sort()
  .map((zone) => {
    const others = [...canonical].flatMap(([name, own]) =>
      own === zone && name !== zone ? [name] : [],
    );
    return [[zone, ...others].join(','), number(changesOf(zone)), number(namesOf(zone))].join(' ');
  });

writeFileSync(
  target,
  `/**
 * Time zones as of release ${process.versions.tz} of the tz database; written by
 * scripts/generate-time-zones.mjs.
 */

/** "name,other names histories names" by zone: the last two are places in \`texts\`, in base 36. */
export const zones: string =
  ${JSON.stringify(rows.join(';'))};

/** Histories of offsets, and names. */
export const texts: string =
  ${JSON.stringify([...index.keys()].join(';'))};
`,
);
console.log(`${rows.length} zones, ${index.size} texts`);
