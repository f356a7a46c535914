/** Dashboard, alarms, their documentation and the events: made from lists, and checked against them. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EVENT_OF_NOTE, EVENTS } from '../../hypervisor/host/events.ts';
import { METRICS } from '../../hypervisor/host/metric-table.ts';

interface Alert {
  readonly name: string;
  readonly expr: string;
}

interface List {
  readonly ALERTS: readonly Alert[];
  readonly PANELS: readonly {
    readonly panels: readonly (readonly [string, string, readonly (readonly [string, string])[]])[];
  }[];
  metricsIn(expr: string, isHistogram: (name: string) => boolean): readonly string[];
  runbookOf(alert: Alert): string;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { ALERTS, PANELS, metricsIn, runbookOf } = (await import(
  join(ROOT, 'scripts/observability-list.mjs')
)) as List;
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const isHistogram = (name: string): boolean =>
  METRICS.some((row) => row.name === name && row.type === 'histogram');
const known = new Set(['up', ...METRICS.map(({ name }) => name)]);

test('dashboard and alarms are what the list says (node scripts/generate-observability.mjs)', () => {
  const script = join(ROOT, 'scripts/generate-observability.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

test('every expression of dashboard and alarms reads metrics there are', () => {
  const panels = PANELS.flatMap((row) => row.panels).flatMap(([, , targets]) => targets);
  const exprs = [...ALERTS.map(({ expr }) => expr), ...panels.map(([, expr]) => expr)];
  expect(exprs.length).toBeGreaterThan(40);
  for (const expr of exprs) {
    const names = metricsIn(expr, isHistogram);
    expect(names, expr).not.toEqual([]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  }
});

test('a name that is no metric is seen in an expression, as is the part of a histogram', () => {
  const expr = 'rate(hv_nope_total[5m]) + hv_turn_seconds_bucket + hv_turn_ticks_sum + up{}';
  expect(metricsIn(expr, isHistogram)).toEqual([
    'hv_nope_total',
    'hv_turn_seconds',
    'hv_turn_ticks',
    'up',
  ]);
});

describe('docs/operations.md', () => {
  const document = text('docs/operations.md');

  test('has a row for every metric, with its type, labels and meaning, and no other', () => {
    const rows = document.split('\n').filter((line) => line.startsWith('| `hv_'));
    expect(rows).toEqual(
      METRICS.map(
        ({ name, type, labels, help }) =>
          `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`,
      ),
    );
  });

  test('has a runbook for every alarm, where its link points, and no other', () => {
    const [, runbooks = ''] = document.split('\n## Runbooks\n');
    const headings = [...runbooks.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(ALERTS.map(({ name }) => name));
    const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(
      ([, heading = '']) => `docs/operations.md#${heading.toLowerCase().replaceAll(' ', '-')}`,
    );
    for (const alert of ALERTS) {
      expect(anchors).toContain(runbookOf(alert));
      expect(text('observability/alerts.yml')).toContain(`runbook_url: "${runbookOf(alert)}"`);
    }
  });

  test('links to no heading that is not there', () => {
    const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading.toLowerCase().replaceAll(' ', '-'),
    );
    const links = [...document.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
    expect(links.filter((anchor) => !anchors.includes(anchor ?? ''))).toEqual([]);
  });
});

describe('docs/events.md', () => {
  test('has a row for every event, with its level and meaning, and no other', () => {
    const rows = text('docs/events.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows).toEqual(
      Object.entries(EVENTS).map(
        ([evt, { level, means }]) => `| \`${evt}\` | ${level} | ${means} |`,
      ),
    );
  });

  test('every note becomes an event of the table, each another one', () => {
    const names = Object.values(EVENT_OF_NOTE);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !Object.hasOwn(EVENTS, name))).toEqual([]);
  });
});

describe('promtool', () => {
  const has = spawnSync('promtool', ['--version']).status === 0;
  if (!has) {
    const reason = 'promtool is not installed (Debian: prometheus)';
    // CI installs it; there a skip would be a hole nobody sees.
    if (process.env.HV_REQUIRE_TOOLS) throw new Error(reason);
    console.log(`${reason}: two tests skipped`);
  }
  const promtool = (...args: readonly string[]): readonly [number | null, string] => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: ROOT, encoding: 'utf8' });
    return [status, stdout + stderr];
  };

  test.skipIf(!has)('takes the rules', () => {
    const [status, said] = promtool('check', 'rules', 'observability/alerts.yml');
    expect(status, said).toBe(0);
    expect(said).toContain(`${ALERTS.length} rules found`);
  });

  test.skipIf(!has)('sees them alarm when they should and not before', () => {
    const [status, said] = promtool('test', 'rules', 'observability/alerts.test.yml');
    expect(status, said).toBe(0);
  });
});
