/**
 * Writes observability/grafana.json and observability/alerts.yml from scripts/observability-list.mjs.
 * `--check` only compares.
 *
 *   node scripts/generate-observability.mjs [--check]
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ALERTS, PANELS, runbookOf } from './observability-list.mjs';

const root = new URL('../', import.meta.url);
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 3;
const WIDTH = 24 / COLUMNS;
const HEIGHT = 7;

export function renderGrafana() {
  const panels = [];
  let y = 0;
  let id = 0;
  for (const { row, panels: inRow } of PANELS) {
    id += 1;
    panels.push({
      id,
      type: 'row',
      title: row,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    for (const [index, [title, unit, targets]] of inRow.entries()) {
      id += 1;
      panels.push({
        ...{ id, title, type: 'timeseries', datasource: DATASOURCE },
        gridPos: {
          x: (index % COLUMNS) * WIDTH,
          y: y + Math.floor(index / COLUMNS) * HEIGHT,
          ...{ w: WIDTH, h: HEIGHT },
        },
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        targets: targets.map(([legendFormat, expr], at) => ({
          ...{ refId: String.fromCharCode(65 + at), datasource: DATASOURCE, expr, legendFormat },
        })),
      });
    }
    y += Math.ceil(inRow.length / COLUMNS) * HEIGHT;
  }
  const templating = {
    list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
      {
        ...{ name: 'vm', type: 'query', label: 'Guest', datasource: DATASOURCE },
        ...{ query: 'label_values(hv_info, vm)', refresh: 2, includeAll: true, multi: true },
        current: { text: 'All', value: '$__all' },
      },
    ],
  };
  const dashboard = {
    ...{ uid: 'hv', title: 'hv', tags: ['hv'], schemaVersion: 39, version: 1, editable: true },
    ...{ refresh: '10s', time: { from: 'now-30m', to: 'now' }, templating, panels },
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

/** A JSON string is a YAML string. */
export function renderAlerts() {
  const lines = [
    '# Generated from scripts/observability-list.mjs by scripts/generate-observability.mjs. Do not edit.',
    'groups:',
    '  - name: hv',
    '    rules:',
  ];
  for (const alert of ALERTS)
    lines.push(
      `      - alert: ${alert.name}`,
      `        expr: ${JSON.stringify(alert.expr)}`,
      `        for: ${alert.for}`,
      '        labels:',
      `          severity: ${alert.severity}`,
      '        annotations:',
      `          summary: ${JSON.stringify(alert.summary)}`,
      `          runbook_url: ${JSON.stringify(runbookOf(alert))}`,
    );
  return `${lines.join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = {
    'observability/grafana.json': renderGrafana(),
    'observability/alerts.yml': renderAlerts(),
  };
  for (const [path, text] of Object.entries(wanted)) {
    const target = new URL(path, root);
    if (!process.argv.includes('--check')) writeFileSync(target, text);
    else if (readFileSync(target, 'utf8') !== text) {
      console.error(`${path} is not what the list says: node scripts/generate-observability.mjs`);
      process.exitCode = 1;
    }
  }
}
