/**
 * What is shown on the dashboard and what alarms: the one list behind observability/grafana.json,
 * observability/alerts.yml and the runbooks of docs/operations.md. Panels and alerts name metrics of
 * hypervisor/host/metric-table.ts only, and `up`, which is the scraper's own.
 */

const quantile = (q, metric) =>
  `histogram_quantile(${q}, sum by (le, vm, role) (rate(${metric}_bucket{vm=~"$vm"}[$__rate_interval])))`;
const rate = (metric) => `rate(${metric}{vm=~"$vm"}[$__rate_interval])`;
const plain = (metric) => `${metric}{vm=~"$vm"}`;
const both = (metric) => [
  ['p50 {{vm}} {{role}}', quantile(0.5, metric)],
  ['p99 {{vm}} {{role}}', quantile(0.99, metric)],
];
const replica = '{{vm}} {{role}}';

/** Rows of panels: title, unit, targets as [legend, expression]. */
export const PANELS = [
  {
    row: 'Can it fail over?',
    panels: [
      ['Protected', 'none', [[replica, plain('hv_protected')]]],
      ['Failover possible', 'none', [[replica, plain('hv_failover_possible')]]],
      ['Epoch', 'none', [[replica, plain('hv_epoch')]]],
      ['Arbiter', 's', [[replica, plain('hv_arbiter_rtt_seconds')]]],
      ['Backups lost', 'none', [[replica, plain('hv_backups_lost_total')]]],
      ['Events', 'ops', [['{{level}} {{vm}} {{role}}', rate('hv_events_total')]]],
    ],
  },
  {
    row: 'Replication',
    panels: [
      ['Lag', 's', [[replica, plain('hv_log_lag_seconds')]]],
      ['Lag in records', 'none', [[replica, plain('hv_log_lag_entries')]]],
      ['Ack', 's', both('hv_ack_rtt_seconds')],
      ['Outputs held for', 's', both('hv_output_hold_seconds')],
      ['Outputs', 'ops', [[replica, rate('hv_outputs_released_total')]]],
      ['Input stopped', 'percentunit', [[replica, rate('hv_backpressure_seconds_total')]]],
      ['Heartbeat', 's', both('hv_heartbeat_rtt_seconds')],
      ['Heartbeats late', 'ops', [[replica, rate('hv_heartbeat_missed_total')]]],
      ['Replay speed', 'ops', [[replica, plain('hv_replay_entries_per_second')]]],
    ],
  },
  {
    row: 'Guest',
    panels: [
      ['Turns', 'ops', [[replica, rate('hv_guest_turns_total')]]],
      ['Ticks', 'ops', [[replica, rate('hv_guest_ticks_total')]]],
      ['One turn', 's', both('hv_turn_seconds')],
      ['Heap', 'bytes', [[replica, plain('hv_guest_memory_bytes')]]],
      ['Busy with one turn', 's', [[replica, plain('hv_guest_busy_seconds')]]],
      ['Traps', 'ops', [['{{trap}} {{vm}} {{role}}', rate('hv_guest_traps_total')]]],
    ],
  },
  {
    row: 'Log',
    panels: [
      ['Log', 'Bps', [['{{stage}} {{vm}} {{role}}', rate('hv_log_bytes_total')]]],
      ['Records', 'ops', [['{{kind}} {{vm}} {{role}}', rate('hv_log_entries_total')]]],
      ['Sync', 's', both('hv_log_fsync_seconds')],
      ['Snapshot pause', 's', both('hv_checkpoint_seconds')],
      ['Disk used', 'percentunit', [[replica, plain('hv_disk_used_ratio')]]],
    ],
  },
  {
    row: 'Failovers',
    panels: [
      ['Failovers', 'none', [['{{cause}} {{vm}}', plain('hv_failover_total')]]],
      [
        'Phases of the last failover',
        's',
        ['detect', 'claim', 'tail', 'live', 'first_output'].map((phase) => [
          `${phase} {{vm}}`,
          plain(`hv_failover_${phase}_seconds_sum`),
        ]),
      ],
      ['Divergences', 'none', [[replica, plain('hv_divergence_total')]]],
    ],
  },
];

/** `for`: how long it has to be so before somebody is told. */
export const ALERTS = [
  {
    name: 'HvUnprotected',
    expr: 'hv_protected{role="primary"} == 0',
    for: '1m',
    severity: 'critical',
    summary: 'The guest of {{ $labels.vm }} runs alone: a kill of its host loses it',
  },
  {
    name: 'HvFailoverImpossible',
    expr: 'hv_failover_possible{role="primary"} == 0',
    for: '10s',
    severity: 'critical',
    summary: 'If the primary of {{ $labels.vm }} died now, nobody would take over',
  },
  {
    name: 'HvLagHigh',
    expr: 'hv_log_lag_seconds > 1',
    for: '10s',
    severity: 'warning',
    summary: '{{ $labels.role }} of {{ $labels.vm }} is {{ $value | humanizeDuration }} behind',
  },
  {
    name: 'HvLagCritical',
    expr: 'hv_log_lag_seconds > 5',
    for: '10s',
    severity: 'critical',
    summary: '{{ $labels.role }} of {{ $labels.vm }} is {{ $value | humanizeDuration }} behind',
  },
  {
    name: 'HvOutputsHeldLong',
    expr: 'histogram_quantile(0.99, sum by (le, vm, role) (rate(hv_output_hold_seconds_bucket[5m]))) > 0.05',
    for: '2m',
    severity: 'warning',
    summary:
      'One in a hundred outputs of {{ $labels.vm }} waits {{ $value | humanizeDuration }} for acks',
  },
  {
    name: 'HvDiverged',
    expr: 'hv_divergence_total > 0',
    for: '0s',
    severity: 'critical',
    summary: 'A replay of {{ $labels.vm }} differed from its recording',
  },
  {
    name: 'HvArbiterDown',
    expr: 'hv_arbiter_up == 0',
    for: '30s',
    severity: 'critical',
    summary: 'The arbiter of {{ $labels.vm }} does not answer: no view can change',
  },
  {
    name: 'HvDiskFilling',
    expr: 'hv_disk_used_ratio > 0.8',
    for: '5m',
    severity: 'warning',
    summary: 'The disk with the log of {{ $labels.vm }} is {{ $value | humanizePercentage }} full',
  },
  {
    name: 'HvLogLost',
    expr: 'hv_log_lost == 1',
    for: '0s',
    severity: 'critical',
    summary: 'The log of {{ $labels.vm }} was deleted under its {{ $labels.role }}',
  },
  {
    name: 'HvBackupLost',
    expr: 'increase(hv_backups_lost_total[5m]) > 0',
    for: '0s',
    severity: 'warning',
    summary: 'A backup of {{ $labels.vm }} fell silent or was cut off',
  },
  {
    name: 'HvNotScraped',
    expr: 'up{job="hv"} == 0 or absent(up{job="hv"})',
    for: '1m',
    severity: 'critical',
    summary: 'Nothing is known of the replica at {{ $labels.instance }}',
  },
];

/** Where the runbook of an alert is, from the root of the project. */
export function runbookOf({ name }) {
  return `docs/operations.md#${name.toLowerCase()}`;
}

/** Metrics an expression reads, without the ending that a histogram's parts have. */
export function metricsIn(expr, isHistogram) {
  const names = expr.match(/\bhv_[a-z_]+|\bup\b/g) ?? [];
  return names.map((name) => {
    const base = name.replace(/_(bucket|sum|count)$/, '');
    return base !== name && isHistogram(base) ? base : name;
  });
}
