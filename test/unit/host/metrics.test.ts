import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EventBuffer } from '../../../hypervisor/host/event-buffer.ts';
import { METRICS } from '../../../hypervisor/host/metric-table.ts';
import { metricValues } from '../../../hypervisor/host/metric-values.ts';
import { metricsPage } from '../../../hypervisor/host/metrics.ts';
import { Observation, type Sight } from '../../../hypervisor/host/observation.ts';
import { Observer } from '../../../hypervisor/host/observer.ts';
import { Meters } from '../../../hypervisor/replica/meters.ts';
import { asLsn } from '../../../log-format/index.ts';

const frozen = JSON.parse(
  readFileSync(fileURLToPath(new URL('metrics-names.json', import.meta.url)), 'utf8'),
) as Readonly<Record<string, string>>;

function sight(given: Partial<Sight> = {}): Sight {
  return {
    status: { vm: 'kv-1', name: 'kv', script: 'a "b"\\.js' },
    meters: new Meters(),
    observer: new Observer('primary', 0),
    arbiter: { url: 'file:/x', up: true, roundTripMs: 2, reason: undefined },
    forecast: { possible: false, why: 'nobody' },
    behindMs: 0,
    heldMs: 0,
    disk: { free: 7, usedRatio: 0.5 },
    events: { info: 1 },
    ...given,
  };
}

test('metrics have the names and types of metrics-names.json, no more and no less', () => {
  const now = Object.fromEntries(
    METRICS.map(({ name, type, labels }) => [name, [type, ...labels].join(' ')]),
  );
  expect(now).toEqual(frozen);
});

test('every metric of the table has a value in some role, and no value is of another metric', () => {
  const meters = new Meters();
  const names = new Set(METRICS.map(({ name }) => name));
  const values = metricValues(sight({ meters }));
  expect([...values.keys()].filter((name) => !names.has(name))).toEqual([]);
  expect([...names].filter((name) => !values.has(name))).toEqual([]);
});

test('every label of a sample is one the table names', () => {
  const meters = new Meters();
  meters.recorded({ type: 'stop', time: 1 as never, code: 0, reason: '' });
  const status = { meter: { traps: { now: 2 } } };
  const values = metricValues(sight({ meters, status }));
  for (const { name, labels } of METRICS)
    for (const sample of values.get(name) ?? [])
      expect(Object.keys(sample.labels), name).toEqual(labels);
});

test('the page tells type and help of each metric, labels escaped, with vm and role', async () => {
  const page = await metricsPage(sight());
  for (const { name, type } of METRICS) {
    expect(page).toContain(`# TYPE ${name} ${type}\n`);
    expect(page).toContain(`# HELP ${name} `);
  }
  expect(page).toContain(
    'hv_info{vm="kv-1",role="primary",name="kv",script="a \\"b\\"\\\\.js",version=""} 1\n',
  );
  expect(page).toMatch(/^process_cpu_seconds_total\{vm="kv-1",role="primary"\} /m);
  expect(page).toMatch(/^nodejs_eventloop_lag_seconds\{/m);
});

test('a histogram has a bucket for every bound, cumulative, and its sum and count', async () => {
  const meters = new Meters();
  meters.shipped(0, asLsn(1), 1);
  meters.settled(3, asLsn(1), 1);
  const page = await metricsPage(sight({ meters }));
  const bucket = (le: string): string =>
    `hv_ack_rtt_seconds_bucket{vm="kv-1",role="primary",le="${le}"}`;
  expect(page).toContain(`${bucket('0.002')} 0\n`);
  expect(page).toContain(`${bucket('0.005')} 1\n`);
  expect(page).toContain(`${bucket('+Inf')} 1\n`);
  expect(page).toContain('hv_ack_rtt_seconds_sum{vm="kv-1",role="primary"} 0.003\n');
  expect(page).toContain('hv_ack_rtt_seconds_count{vm="kv-1",role="primary"} 1\n');
});

test('a primary without backups is not behind, however far acks of an earlier one went', () => {
  const meters = new Meters();
  meters.shipped(0, asLsn(9), 1);
  meters.settled(0, asLsn(9), 0);
  const [sample] = metricValues(sight({ meters })).get('hv_log_lag_entries') ?? [];
  expect(sample?.value).toBe(0);
});

test('a page is there before the guest is', async () => {
  const observation = new Observation('backup');
  observation.event('listening', '{}');
  const seen = await new Promise<Sight>((done) => observation.look(done));
  expect(await metricsPage(seen)).toContain('hv_role{vm="",role="backup"} 1\n');
  expect(observation.events).toBeInstanceOf(EventBuffer);
});
