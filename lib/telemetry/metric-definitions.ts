/** The one list of metrics; `npm run docs` writes the table of `docs/metrics.md` from it. */

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** From a file of a hundred bytes to the default deadline of a load. */
const LOAD_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** From a file that is loaded at once to one that waited for a day. */
const VISIBLE_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];
const LAUNCH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

export const METRICS = {
  atd_records_total: counter('Records taken from the topic, by what became of them.', ['result']),
  atd_redelivered_total: counter('Records that were delivered again and recognised.'),
  atd_jobs_total: counter('Ended attempts to load a file.', ['tenant', 'outcome']),
  atd_job_duration_seconds: histogram('Time that a loader ran.', ['outcome'], LOAD_SECONDS),
  atd_job_queue_seconds: histogram("Time from a record's arrival to the start of its job.", ['lane'], LOAD_SECONDS),
  atd_load_seconds: histogram('Time that the loader ran for a file that it loaded.', ['tenant'], LOAD_SECONDS),
  atd_visible_seconds: histogram(
    "Time from a message's announcement, by its own time, until its file was loaded.",
    ['tenant'],
    VISIBLE_SECONDS,
  ),
  atd_launch_seconds: histogram('Time to start a child process.', [], LAUNCH_SECONDS),
  atd_bytes_loaded_total: counter('Bytes of loaded files, as the loader reports or the disk says.', ['tenant']),
  atd_rows_loaded_total: counter('Rows loaded, where the loader reports them.', ['tenant']),
  atd_retries_total: counter('Attempts that will be repeated, by the outcome that caused it.', ['reason']),
  atd_dead_letters_total: counter('Records given to the dead-letter topic and acknowledged.', ['disposition']),
  atd_dead_letter_failures_total: counter('Dead letters that the broker did not take; they are sent again.'),
  atd_dead_letters_cut_total: counter('Dead letters that were sent without a part of their message, by the part.', [
    'part',
  ]),
  atd_set_aside_total: counter('Records that were copied to the topic of those that wait.'),
  atd_kills_total: counter('Signals sent to process groups of children.', ['signal']),
  atd_commits_total: counter('Offset commits.', ['result']),
  atd_slot_changes_total: counter('Changes of the number of slots, where it adapts, by why.', ['reason']),
  atd_rebalances_total: counter('Assignments of partitions by the group.'),
  atd_consumer_restarts_total: counter('Restarts of the consumer after an error, such as a batch that it cannot read.'),
  atd_offsets_out_of_range_total: counter(
    'Committed offsets that the broker did not have: records may have expired unread.',
  ),
  atd_defects_total: counter('Errors within the service that it survived: each is a line of the log with a stack.'),
  atd_reloads_total: counter('Reloads of the settings.', ['result']),
  atd_notices_total: counter('Notices to people, by whether they were sent or lost.', ['result']),
  atd_offsets_reset_total: counter('Partitions that went back behind what was committed.'),
  atd_log_lines_lost_total: counter('Lines of the log that did not reach log_file.'),
  atd_ledger_rows_total: counter('Rows of the ledger: `written` into its table, or `lost`, which are gaps in it.', [
    'result',
  ]),
  atd_ledger_up: gauge(
    '1 while the ledger is written, 0 while its last try failed. This and the next two are not there without a ledger.',
  ),
  atd_ledger_waiting_rows: gauge('Rows of the ledger that are not written yet.'),
  atd_ledger_disk_bytes: gauge('Bytes of those rows that are on the disk.'),
  atd_children_running: gauge('Child processes that run.'),
  atd_unreaped_children: gauge('Children of lost threads that cannot be reaped before the service ends.'),
  atd_prefork_off: gauge('1 where as_cli.launch is prefork and loaders are executed after all, by why.', ['reason']),
  atd_slots: gauge('Loads that may run at the same time.'),
  atd_queue_jobs: gauge('Jobs that wait for a slot or for their next attempt.'),
  atd_lane_jobs: gauge('The same by lanes, without those that wait for a held table.', ['lane']),
  atd_consumer_lag: gauge(
    'Messages that are not done, whether they were read or not, without those completed ahead of one that is not.',
    ['partition'],
  ),
  atd_lag_bytes: gauge(
    "Bytes of those messages' files: as announced where the message was read, else as much each as the last hour's had.",
  ),
  atd_oldest_unfinished_seconds: gauge('Age of the oldest message that was read and is not done, by its own time.'),
  atd_last_success_timestamp_seconds: gauge(
    'When a file was loaded last, in seconds since the epoch; 0 before the first.',
  ),
  atd_queue_bytes: gauge('Bytes of the files that they announce.'),
  atd_held_message_bytes: gauge('Bytes of messages held until their records complete.'),
  atd_dead_letters_refused: gauge('Dead letters that their topic refuses; while there are any, nothing is read.'),
  atd_held_records: gauge('Records of tenants that are not on the allow-list, and that wait for it.'),
  atd_completed_ahead: gauge('Completed records that wait for one before them.', ['partition']),
  atd_uncommitted_records: gauge('Delivered records that no acknowledged commit has passed.', ['partition']),
  atd_paused_partitions: gauge('Partitions that are not being read.'),
  atd_log_file_failing: gauge('1 while log_file cannot be written, 0 otherwise.'),
  atd_breaker_state: gauge('Circuit breaker: 0 closed, 1 half-open, 2 open.'),
  atd_last_reload_successful: gauge('Whether the last reload was taken over, or there was none: 1, or 0.'),
  atd_settings_timestamp_seconds: gauge('When the settings that hold were read.'),
  atd_run_state: gauge('0 starting, 1 running, 2 paused, 3 draining, 4 stopped, 5 drained.'),
  atd_build_info: gauge('Always 1; the version is in the label.', ['version']),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;

function counter(help: string, labels: readonly string[] = []): MetricDefinition {
  return { type: 'counter', help, labels };
}

function gauge(help: string, labels: readonly string[] = []): MetricDefinition {
  return { type: 'gauge', help, labels };
}

function histogram(help: string, labels: readonly string[], buckets: readonly number[]): MetricDefinition {
  return { type: 'histogram', help, labels, buckets };
}
