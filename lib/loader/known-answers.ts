/**
 * What is known of the answers that a load may get: ClickHouse's codes, codes whose text decides, and statuses of HTTP that come
 * from something before ClickHouse. Each says whether another try can help, and whom else it concerns. Tables alone: every row
 * is tested (test/loader/failures.test.ts) and told in docs/errors.md.
 */
import { ExitCode } from '../errors.js';

/** What was being done when the failure came; it decides between readings of the same error. */
export type Stage =
  | 'describe-table'
  /** Again, after it was created. */
  | 'describe-created'
  | 'create-table'
  | 'inspect-file'
  | 'insert'
  | 'list-tables'
  | 'delete-table'
  | 'view';

/**
 * What else fails in the same way: every file (`connection`: who logs in where, and how this program is set up), every file
 * for the same table, or no other one.
 */
export type Scope = 'connection' | 'table' | 'file';

export const UNKNOWN_DATABASE = 81;
const CHECK_USER = "check --db-user, CLICKHOUSE_PASSWORD and the user's grants";

export interface Known {
  readonly exitCode: ExitCode;
  readonly scope: Scope | null;
  readonly remedy: string;
}

interface KnownCodes extends Known {
  readonly codes: readonly number[];
}

export const KNOWN_CODES: readonly KnownCodes[] = [
  {
    exitCode: ExitCode.dataError,
    scope: 'file',
    // Parsing, conversion, corrupt compression and checksums, constraints, a structure that cannot be extracted, and
    // 1001: what the Parquet reader's libraries throw.
    codes: [
      3, 6, 7, 8, 10, 16, 19, 20, 25, 26, 27, 32, 33, 38, 40, 41, 53, 69, 70, 72, 92, 108, 117, 120, 122, 128, 130, 131,
      190, 246, 271, 321, 349, 354, 376, 386, 407, 441, 467, 469, 561, 563, 618, 632, 636, 638, 645, 652, 675, 676, 691,
      723, 748, 760, 1001,
    ],
    remedy: 'check the file against the table',
  },
  {
    exitCode: ExitCode.tryAgain,
    scope: null,
    // Time, memory, disk and numbers of queries, parts and connections; what a server that starts, stops or has lost its
    // Keeper, its replicas or its object storage answers.
    codes: [
      23, 24, 74, 75, 76, 95, 96, 159, 160, 173, 198, 201, 202, 203, 209, 210, 216, 225, 236, 241, 242, 243, 252, 254,
      265, 279, 285, 286, 290, 297, 319, 341, 364, 369, 373, 394, 410, 425, 439, 473, 499, 500, 519, 529, 568, 574, 668,
      677, 692, 700, 722, 733, 735, 745, 749, 762, 776, 777, 778, 904, 999, 1000,
    ],
    remedy: 'try again later',
  },
  // Who logs in: an unknown or expired user, a wrong password, an address, a role or a profile that is not allowed.
  {
    exitCode: ExitCode.notPermitted,
    scope: 'connection',
    codes: [164, 192, 193, 194, 195, 392, 452, 472, 481, 482, 511, 512, 516, 620, 673, 720, 767, 774],
    remedy: CHECK_USER,
  },
  // What the user may do, and where.
  { exitCode: ExitCode.notPermitted, scope: 'table', codes: [291, 497], remedy: CHECK_USER },
  {
    exitCode: ExitCode.notPermitted,
    scope: 'table',
    codes: [359],
    remedy: 'raise max_table_size_to_drop on the server',
  },
  {
    exitCode: ExitCode.configuration,
    scope: 'connection',
    codes: [UNKNOWN_DATABASE],
    remedy: 'create the database or correct --db-database',
  },
  {
    exitCode: ExitCode.configuration,
    scope: 'table',
    codes: [60, 218],
    remedy: 'create the table or give --create-table',
  },
  { exitCode: ExitCode.configuration, scope: 'connection', codes: [115], remedy: 'use ClickHouse 24.3 or newer' },
  { exitCode: ExitCode.configuration, scope: 'table', codes: [724, 725], remedy: 'raise the limit on the server' },
];

export interface KnownText extends Known {
  readonly codes: readonly number[];
  /** Where the code alone says something else. */
  readonly text: RegExp;
  /** Null for every stage. */
  readonly stage: Stage | null;
}

const PASSES = { exitCode: ExitCode.tryAgain, scope: null, remedy: 'try again later' } as const;

/** The first that fits wins, before KNOWN_CODES. */
export const KNOWN_TEXTS: readonly KnownText[] = [
  {
    ...{ codes: [16, 36, 42, 43, 44, 46, 47, 50, 56, 62, 169, 549, 701], stage: 'create-table', text: /^/ },
    ...{ exitCode: ExitCode.configuration, scope: 'file' },
    remedy: 'correct the types in the schema file, or --engine, --order-by, --partition-by and --on-cluster',
  },
  // No conversion leads from the type of the file to that of the table.
  {
    ...{ codes: [43], stage: 'insert', text: /^/ },
    ...{ exitCode: ExitCode.dataError, scope: 'file', remedy: 'check the file against the table' },
  },
  // It was made a moment ago, by another node than the one that was asked next.
  {
    ...{ codes: [60], stage: 'describe-created', text: /^/ },
    ...{ exitCode: ExitCode.tryAgain, scope: 'table', remedy: 'try again: the node that answers does not have it yet' },
  },
  // Of this file as it is; the same code for a table that is behind with its merges passes.
  {
    ...{ codes: [252], stage: null, text: /Too many partitions for single INSERT block/ },
    exitCode: ExitCode.dataError,
    scope: 'file',
    remedy:
      'sort the file by the partition key, give a smaller --batch-size, or raise max_partitions_per_insert_block for the user',
  },
  // Of this query alone; memory that all queries lack together comes back.
  {
    ...{ codes: [241], stage: null, text: /^Query memory limit exceeded|\(for query\)/ },
    ...{ exitCode: ExitCode.dataError, scope: 'file' },
    remedy: 'split the file, give a smaller --batch-size, or raise max_memory_usage for the user',
  },
  // Of a profile. A server that is slow for a while may keep it the next time, but not for ever.
  {
    ...{ codes: [159], stage: null, text: /^Timeout exceeded: elapsed .*maximum/ },
    ...{ exitCode: ExitCode.internal, scope: null },
    remedy: 'split the file, or raise max_execution_time for the user',
  },
  // What a library says that could get no memory.
  { codes: [1001], stage: null, text: /bad_alloc|Cannot allocate memory/, ...PASSES },
];

/** Null for a code that says nothing of whether another try can help. */
export function knownAnswer(code: number, text: string, stage: Stage): Known | null {
  const byText = KNOWN_TEXTS.find(
    (known) => known.codes.includes(code) && known.text.test(text) && (known.stage ?? stage) === stage,
  );
  return byText ?? KNOWN_CODES.find(({ codes }) => codes.includes(code)) ?? null;
}

interface KnownStatus extends Known {
  readonly statuses: readonly number[];
  readonly what: string;
}

const GATEWAY = { exitCode: ExitCode.unavailable, scope: 'connection', remedy: 'try again later' } as const;

/** Of answers without any sign of ClickHouse. */
export const KNOWN_STATUSES: readonly KnownStatus[] = [
  { ...PASSES, statuses: [429], what: 'too many requests' },
  // Time, patience and capacity of proxies and balancers: HAProxy, nginx, AWS, Cloudflare, Envoy.
  {
    ...GATEWAY,
    statuses: [408, 425, 460, 499, 502, 503, 504, 520, 521, 522, 523, 524, 527, 529, 530, 561],
    what: 'the gateway before it answered',
  },
  { ...GATEWAY, statuses: [500], what: 'what stands before it failed' },
  {
    ...{ exitCode: ExitCode.configuration, scope: null, statuses: [413, 414, 431] },
    what: 'a proxy before it does not let so much through',
    remedy: 'raise the limits of that proxy for bodies, addresses and headers',
  },
];

export function knownStatus(status: number): KnownStatus | null {
  return KNOWN_STATUSES.find(({ statuses }) => statuses.includes(status)) ?? null;
}
