/**
 * The page a Prometheus server reads, from the figures of one sight and the process's own. The only
 * importer of prom-client (docs/decisions/0016), loaded at the first scrape: a guest nobody watches
 * does not pay for it.
 */

import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { Distribution } from '../replica/distribution.ts';
import { METRICS, type MetricRow } from './metric-table.ts';
import { metricValues, type Sample } from './metric-values.ts';
import type { Sight } from './observation.ts';

/** A line of the page, as prom-client prints it. */
interface Line {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** `process_*` and `nodejs_*`, counted from the first scrape on. */
const OWN = new Registry();
let collects = false;

export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** The whole page. Every metric of the table is on it, also before it has a figure. */
export async function metricsPage(sight: Sight): Promise<string> {
  if (!collects) collectDefaultMetrics({ register: OWN });
  collects = true;
  const { vm } = sight.status;
  const common = { vm: typeof vm === 'string' ? vm : '', role: sight.observer.role };
  const values = metricValues(sight);
  const registry = new Registry();
  for (const row of METRICS) {
    const lines = (values.get(row.name) ?? []).flatMap((sample) => linesOf(row, sample));
    // prom-client counts by itself, per call; these counts are taken elsewhere and only printed here.
    const metric = { ...row, get: async () => ({ ...row, values: withLabels(lines, common) }) };
    registry.registerMetric(metric as unknown as Metric);
  }
  OWN.setDefaultLabels(common);
  return `${await registry.metrics()}\n${await OWN.metrics()}`;
}

function withLabels(
  lines: readonly Line[],
  common: Readonly<Record<string, string>>,
): readonly Line[] {
  return lines.map((line) => ({ ...line, labels: { ...common, ...line.labels } }));
}

function linesOf({ name }: MetricRow, { labels, value }: Sample): readonly Line[] {
  if (!(value instanceof Distribution)) return [{ labels, value }];
  const cumulative = value.cumulative();
  const buckets = cumulative.map((count, index) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: value.bounds[index] ?? '+Inf' },
    value: count,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: value.sum },
    { metricName: `${name}_count`, labels, value: cumulative.at(-1) ?? 0 },
  ];
}
