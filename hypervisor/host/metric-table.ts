/**
 * Every metric of a replica: names are frozen (test/unit/host/metrics-names.json), documentation,
 * dashboard and alerts are made from this table. All carry the labels `vm` and `role`; seconds and
 * bytes as Prometheus wants them.
 */

export interface MetricRow {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  /** Besides `vm` and `role`. */
  readonly labels: readonly string[];
}

function gauge(name: string, help: string, ...labels: readonly string[]): MetricRow {
  return { name: `hv_${name}`, type: 'gauge', help, labels };
}

function counter(name: string, help: string, ...labels: readonly string[]): MetricRow {
  return { name: `hv_${name}`, type: 'counter', help, labels };
}

function histogram(name: string, help: string): MetricRow {
  return { name: `hv_${name}`, type: 'histogram', help, labels: [] };
}

export const METRICS: readonly MetricRow[] = [
  gauge('info', 'Always 1: what runs here', 'name', 'script', 'version'),
  gauge('role', 'Always 1, with the role as label'),
  gauge('epoch', 'Reign this replica lives in'),
  gauge('live', '1: a primary that may let outputs out'),
  gauge('protected', '1: the log is on another replica, so that a kill loses nothing'),
  gauge('failover_possible', '1: if the primary died now a backup would take over'),
  gauge('backups', 'Backups of the view'),
  counter('backups_lost_total', 'Backups of the view that fell silent or were cut off'),
  counter('backups_refused_total', 'Backups that could not shadow this guest'),
  counter('degraded_total', 'Times the guest went from protected to running alone'),
  gauge(
    'log_lsn',
    'Last record: appended, sent to a backup, acked by all of them, replayed, released as output, durable on disk here',
    'stage',
  ),
  gauge('log_lag_entries', 'Records not acked (primary) or not replayed (backup)'),
  gauge('log_lag_bytes', 'Bytes of log not acked (primary) or not replayed (backup)'),
  gauge('log_lag_seconds', 'Age of the oldest record that is not acked or not replayed; 0: none'),
  counter('log_entries_total', 'Records written (primary) or received (backup)', 'kind'),
  counter(
    'log_bytes_total',
    'Bytes of log: payload of inputs, handed to links, written to disk',
    'stage',
  ),
  histogram('log_fsync_seconds', 'One sync of the log to disk'),
  gauge('log_segments', 'Number of the segment being written'),
  gauge('log_lost', '1: the log was deleted or moved away while it is written'),
  gauge('disk_free_bytes', 'Free for the log, on its file system'),
  gauge('disk_used_ratio', 'Used share of the file system of the log, from 0 to 1'),
  histogram('ack_rtt_seconds', 'From a batch being shipped until every backup has acked it'),
  histogram('heartbeat_rtt_seconds', 'Round trip of a heartbeat'),
  counter('heartbeat_missed_total', 'Heartbeats answered after the next one was due'),
  histogram('output_hold_seconds', 'From an output being produced until it left'),
  gauge('outputs_held', 'Outputs that wait in the gate'),
  gauge('outputs_held_bytes', 'What they weigh'),
  counter('outputs_released_total', 'Outputs that left'),
  counter('outputs_suppressed_total', 'Outputs a replay produced: the primary lets them out'),
  histogram('turn_seconds', 'One turn of the guest'),
  histogram('turn_ticks', 'Ticks of one turn'),
  counter('guest_turns_total', 'Turns since the process began'),
  counter('guest_ticks_total', 'Ticks of the guest since its boot'),
  counter('guest_traps_total', 'Calls of the guest to its devices, in this process', 'trap'),
  gauge('guest_memory_bytes', "The guest's heap in use"),
  gauge('guest_memory_limit_bytes', "The guest's heap at most"),
  gauge('guest_busy_seconds', 'How long the turn under way has run; 0: none'),
  gauge('replay_entries_per_second', 'Records replayed per second of replaying, in this copy'),
  gauge('replay_speed_ratio', 'Time of the guest per second of replaying, in this copy'),
  counter('divergence_total', 'Replays that differed from the recording'),
  counter(
    'failover_total',
    'What made this replica primary: a failover (closed, silent, other), a switchover, or force (forced)',
    'cause',
  ),
  histogram('failover_detect_seconds', 'Silence of the primary until it was suspected'),
  histogram('failover_claim_seconds', 'From the suspicion to the decision of the arbiter'),
  histogram('failover_tail_seconds', 'Replay of what was left of the log'),
  histogram('failover_live_seconds', 'From the end of the replay to live'),
  histogram(
    'failover_first_output_seconds',
    'From live to the first output, if one came within a second',
  ),
  gauge('arbiter_up', '1: the arbiter answers'),
  gauge('arbiter_rtt_seconds', 'Its last answer took so long'),
  histogram('checkpoint_seconds', 'How long the guest stood still for a snapshot'),
  gauge('checkpoint_bytes', 'Bytes of the last snapshot'),
  gauge('checkpoint_failing', '1: the last snapshot could not be kept; the log grows without'),
  histogram('state_transfer_seconds', 'From the hello of a backup until it was in the view'),
  counter('backpressure_seconds_total', 'How long input was stopped because a window was full'),
  counter('events_total', 'Events, by level', 'level'),
];
