/**
 * What the tests of the engine have in common: settings, records and outcomes with the one thing changed that a test is
 * about, and `Play`, which tells the engine events and gives back its effects as lines that read like a transcript.
 */
import assert from 'node:assert/strict';
import { Engine } from '../../lib/core/engine.js';
import type { CommitOffset, DeadLetter, Effect, EngineEvent } from '../../lib/core/events.js';
import { encodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import type { CommandRules } from '../../lib/core/rules/command.js';
import type { EngineSettings } from '../../lib/core/settings.js';
import type { EngineStatus } from '../../lib/core/status.js';
import type { Job, KafkaRecord, Outcome, OutcomeResult, TopicPartition } from '../../lib/types.js';

export const TOPIC = 'files';

export const COMMAND: CommandRules = {
  executable: '/usr/bin/as-cli',
  executableArgs: [],
  bundled: true,
  createTable: false,
  batchSize: null,
  schemaFile: null,
  tables: { engine: null, orderBy: null, partitionBy: null, onCluster: null, durable: false },
  clickhouse: { host: null, port: null, database: null, user: null, password: null, secure: false },
  passwordIn: 'environment',
  additionalArgs: [],
  timeoutMs: 60_000,
  graceMs: 1_000,
  allowedRoots: [],
  environment: {},
};

export const SETTINGS: EngineSettings = {
  slots: 2,
  adaptiveSlots: false,
  records: {
    maxMessageBytes: 10_000,
    commitIntervalMs: 100,
    routing: { tablePrefix: 'atd', defaultTable: 'atd_logs', allowedTenants: new Set(), tenantRequired: false },
    waiting: null,
    boot: null,
    holdUnknownMs: 0,
  },
  maxUncommitted: 1_000,
  sessionTimeoutMs: 30_000,
  settleMs: 0,
  load: { jobs: 1_000, waiting: 1_000_000, bytes: 1_000_000 },
  command: COMMAND,
  retry: {
    maxAttempts: 3,
    maxTimeouts: 3,
    maxInterruptions: 5,
    backoffMs: 1_000,
    maxBackoffMs: 60_000,
    maxUnchargedMs: 60_000,
    permanentExitCodes: [65],
    unavailableExitCodes: [69, 75],
  },
  breaker: { threshold: 2, openMs: 1_000, maxOpenMs: 4_000 },
  awaitsControl: false,
  maxDeadLettersInRow: 1_000,
  fairness: { weights: new Map(), maxRunning: 1_000, share: 1_000 },
};

export function partition(number: number): TopicPartition {
  return { topic: TOPIC, partition: number };
}

export const JOB: Job = {
  id: 'files/0/5/0',
  ...partition(0),
  offset: 5,
  index: 0,
  file: '/a',
  tenant: 'acme',
  table: 'atd_acme',
  lane: 'normal',
  format: null,
  bytes: 1,
  timestamp: 0,
  traceparent: null,
};

/** Made once: making one costs the model more than anything else. */
const UTF8 = new TextEncoder();

/** A record of partition 0; `message` becomes its JSON value, null a tombstone, a text its bytes as they are. */
export function record(
  offset: number,
  message: Readonly<Record<string, unknown>> | string | null = { filename: `/in/${offset}` },
  changes: Partial<KafkaRecord> = {},
): KafkaRecord {
  const text = message === null || typeof message === 'string' ? message : JSON.stringify(message);
  return {
    ...partition(0),
    offset,
    key: null,
    value: text === null ? null : UTF8.encode(text),
    headers: {},
    timestamp: 1_700_000_000_000,
    ...changes,
  };
}

export function outcome(result: OutcomeResult, changes: Partial<Outcome> = {}): Outcome {
  return {
    result,
    reason: `it ${result}`,
    exitCode: result === 'succeeded' ? 0 : result === 'failed' ? 1 : null,
    signal: null,
    signalsSent: [],
    launchMs: 2,
    durationMs: 100,
    stderrTail: '',
    droppedOutputBytes: 0,
    rows: null,
    bytes: null,
    ...changes,
  };
}

export class Play {
  now = 1_000_000;
  readonly engine: Engine;
  /** Every letter that was sent, by its id. */
  readonly letters = new Map<number, DeadLetter>();
  #epoch = 0;
  /** The last commit of each partition, and what the broker has. */
  readonly #sent = new Map<number, CommitOffset>();
  readonly #committed = new Map<number, CommitOffset>();

  /** The jitter is left out: every wait is the whole of its cap. */
  constructor(changes: Partial<EngineSettings> = {}, random: () => number = () => 1) {
    this.engine = new Engine({ ...SETTINGS, ...changes }, random);
  }

  get status(): EngineStatus {
    return this.engine.status();
  }

  /** Milliseconds until the engine wants to be asked again, or null. */
  get wakesIn(): number | null {
    const at = this.engine.nextWakeAt();
    return at === null ? null : at - this.now;
  }

  tell(event: EngineEvent): string[] {
    const effects = this.engine.handle(event, this.now);
    const { wakesIn } = this;
    assert.ok(wakesIn === null || wakesIn > 0, `after ${event.type} the engine wants to be woken in ${wakesIn} ms`);
    for (const effect of effects) {
      if (effect.type === 'dead-letter') this.letters.set(effect.letterId, effect.letter);
      if (effect.type === 'commit') for (const offset of effect.offsets) this.#sent.set(offset.partition, offset);
    }
    return effects.map(describeEffect);
  }

  /** Lets the time go on and then ticks. */
  wait(ms: number): string[] {
    this.now += ms;
    return this.tell({ type: 'tick' });
  }

  assign(...partitions: number[]): string[] {
    this.#epoch += 1;
    const assigned = this.tell({ type: 'assigned', epoch: this.#epoch, partitions: partitions.map(partition) });
    const restored = this.restore(...partitions);
    const resumed = restored.find((line) => line.startsWith('resume'))?.split(' ') ?? [];
    // Until the committed offsets are known nothing is read; that is not what most transcripts are about.
    const kept = assigned.map((line) => {
      const words = line.split(' ').filter((word) => !line.startsWith('pause') || !resumed.includes(word));
      return words.length === 1 && line.startsWith('pause') ? '' : words.join(' ');
    });
    return [...kept.filter((line) => line !== ''), ...restored];
  }

  /** What the broker has: what was committed last, else offset 0 from a life that came to an orderly end. */
  restore(...partitions: number[]): string[] {
    const positions = partitions.map((number) => this.#committed.get(number) ?? { ...partition(number), ...ORDERLY });
    const lines = this.tell({ type: 'restored', epoch: this.#epoch, positions });
    const commit = lines.find((line) => line.startsWith('commit'));
    if (commit === undefined) return lines;
    // That the new life has begun is committed at once; transcripts begin after that.
    this.committed(...commit.split(' ').slice(1));
    this.now += 100;
    return lines.filter((line) => line !== commit);
  }

  /** The group held us for dead and let others go on: they committed up to these positions, and then we joined anew. */
  return(...positions: string[]): string[] {
    this.#epoch += 1;
    const offsets = positions.map((text) => ({ ...this.#position(text), metadata: '' }));
    for (const offset of offsets) this.#committed.set(offset.partition, offset);
    const partitions = offsets.map(({ partition: number }) => partition(number));
    return this.tell({ type: 'assigned', epoch: this.#epoch, partitions });
  }

  /** Begins where another life ended, with what it had committed. */
  take(former: Play): void {
    for (const [number, offset] of former.#committed) this.#committed.set(number, offset);
  }

  deliver(...of: Parameters<typeof record>): string[] {
    return this.tell({ type: 'record', record: record(...of) });
  }

  /** A job ends; `job` is `partition/offset/index`, or the offset where partition and index are 0. */
  end(job: string | number, ending: OutcomeResult | Outcome = 'succeeded'): string[] {
    const jobId = `${TOPIC}/${typeof job === 'number' ? `0/${job}/0` : job}`;
    return this.tell({ type: 'finished', jobId, outcome: typeof ending === 'string' ? outcome(ending) : ending });
  }

  acknowledge(letterId: number): string[] {
    return this.tell({ type: 'dead-lettered', letterId });
  }

  refuse(letterId: number): string[] {
    return this.tell({ type: 'dead-letter-failed', letterId, error: 'no leader' });
  }

  /** A commit is answered; the position is `partition:offset`. */
  committed(...positions: string[]): string[] {
    const offsets = positions.map((text) => this.#position(text));
    for (const offset of offsets) this.#committed.set(offset.partition, offset);
    return this.tell({ type: 'committed', offsets });
  }

  commitFailed(...positions: string[]): string[] {
    return this.#commitFailed(positions, false);
  }

  metadataRefused(...positions: string[]): string[] {
    return this.#commitFailed(positions, true);
  }

  /** What was sent as the metadata of a partition's last commit. */
  metadataOf(number: number): string {
    return this.#sent.get(number)?.metadata ?? '';
  }

  #commitFailed(positions: readonly string[], isMetadataTooLarge: boolean): string[] {
    return this.tell({
      type: 'commit-failed',
      offsets: positions.map((text) => this.#position(text)),
      error: isMetadataTooLarge ? 'metadata too large' : 'rebalance in progress',
      isMetadataTooLarge,
    });
  }

  /** `partition:offset` with the metadata that it was sent with. */
  #position(text: string): CommitOffset {
    const [of, offset] = text.split(':').map(Number) as [number, number];
    const sent = this.#sent.get(of);
    return { ...partition(of), offset, metadata: sent?.offset === offset ? sent.metadata : '' };
  }

  /** A drain that leaves the children `ms` to finish. */
  drain(ms: number): string[] {
    return this.tell({ type: 'drain', stopAt: this.now + ms });
  }
}

export const ORDERLY = { offset: 0, metadata: encodeMetadata(0, { completed: [], attempts: new Map(), clean: true }) };

/** `files/0/5/0` -> `0/5/0`: the topic is always the same. */
function short(jobId: string): string {
  return jobId.slice(TOPIC.length + 1);
}

function numbers(partitions: readonly TopicPartition[]): string {
  return partitions.map(({ partition: number }) => number).join(' ');
}

function describeEffect(effect: Effect): string {
  switch (effect.type) {
    case 'run':
      return `run ${short(effect.job.id)} attempt ${effect.attempt}`;
    case 'stop':
      return `stop ${short(effect.jobId)}`;
    case 'dead-letter': {
      const unclear = effect.unclear ? `, unclear ${effect.unclear}` : '';
      return `letter ${effect.letterId} ${effect.letter.disposition} of ${effect.letter.record.offset}${unclear}`;
    }
    case 'commit':
      return `commit ${effect.offsets.map(({ partition: number, offset }) => `${number}:${offset}`).join(' ')}`;
    case 'pause':
    case 'resume':
      return `${effect.type} ${numbers(effect.partitions)}`;
    case 'starts-held':
      return effect.held ? 'starts are held' : 'starts go on';
    case 'drained':
      return effect.uncommitted === 0 ? 'drained' : `drained with ${effect.uncommitted} uncommitted`;
    case 'record-taken':
      return `${effect.record.offset} ${effect.result}`;
    case 'record-defect':
      return `${effect.record.offset} defect`;
    case 'job-ended':
      return `${short(effect.job.id)} ${effect.outcome.result}`;
    case 'job-retry':
      return `${short(effect.job.id)} waits${effect.charged ? '' : ' uncharged'}`;
    case 'job-failed':
      return `${short(effect.job.id)} failed for good: ${effect.disposition}`;
    case 'job-suspected':
      return `${short(effect.job.id)} suspected`;
    case 'runs-alone':
      return `${short(effect.job.id)} is alone`;
    case 'reattached':
      return `${short(effect.job.id)} reattached`;
    case 'jobs-dropped':
      return `lost ${effect.partition.partition} with ${effect.jobs} jobs`;
    case 'breaker-changed':
      return `breaker ${effect.state}`;
    case 'restored-partition':
      return `${effect.partition.partition} has ${effect.completedAhead} completed ahead`;
    case 'metadata-problem':
      return `${effect.partition.partition} metadata ${effect.problem}`;
    case 'leave-group':
      return effect.uncommitted === 0 ? 'leave the group' : `leave the group with ${effect.uncommitted} uncommitted`;
    case 'join-group':
      return 'join the group';
    case 'probe':
      return 'probe';
    case 'set-aside':
      return `set aside ${effect.records.map(({ offset }) => offset).join(' ')} to ${effect.to.topic}/${effect.to.partition}`;
    case 'records-set-aside':
      return `${effect.records} of ${effect.partition.topic}/${effect.partition.partition} were set aside`;
    case 'set-aside-off':
      return 'nothing is set aside any more';
    case 'lane-unknown':
      return `lane ${effect.lane} unknown`;
    case 'slots-changed':
      return `slots ${effect.before} to ${effect.slots}: ${effect.reason}`;
    case 'tenants-allowed':
      return `allowed: +${effect.added} -${effect.removed}`;
    case 'tenant-released':
      return `tenant ${effect.tenant} released with ${effect.records}`;
    case 'tenant-held':
      return `tenant ${effect.tenant} held`;
    case 'loader-judged':
      return `loader ${effect.verdict.kind}`;
    case 'pause-changed':
      return `${effect.isPaused ? 'paused' : 'resumed'} ${effect.pause.tenant}`;
    case 'table-changed':
      return `table ${effect.table} ${effect.held ? 'held' : 'released'}`;
    case 'offsets-reset':
      return `${effect.partition.partition} reset to ${effect.to}`;
  }
}
