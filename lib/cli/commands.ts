/** The commands of `atd-ingestion`: their options, their help, and the module of each. */
import { CHANGE_COMMANDS } from './change-commands.js';
import type { CommandDefinition } from './command-definition.js';
import type { Completable } from './completion/scripts.js';
import { COMMON_OPTIONS } from './options.js';
import { URL_OPTION } from './remote.js';
import { ignoreSignals } from './shutdown.js';

export type { CommandDefinition } from './command-definition.js';

const VERSION_OPTION = { version: { type: 'boolean', help: 'show the version' } } as const;

const REMOTE_OPTIONS = { ...URL_OPTION, config: COMMON_OPTIONS.config, help: COMMON_OPTIONS.help } as const;

export const COMMANDS: Readonly<Record<string, CommandDefinition>> = {
  run: {
    summary: 'consume the topic and load what it announces (the default)',
    usage: 'atd-ingestion [run] [--config FILE] [--topic NAME]',
    options: { ...COMMON_OPTIONS, ...VERSION_OPTION },
    positionals: false,
    execute: async (options, version) => {
      // Before its modules, which take the most of the start.
      ignoreSignals(() => undefined);
      return (await import('./run.js')).run(options, version);
    },
  },
  emit: {
    summary: 'announce files on the topic, or make and announce sample files',
    usage:
      'atd-ingestion emit PATH… [--tenant T | --tenant-from directory|PATTERN] [--lane LANE]\n       atd-ingestion emit --num-messages N [--tenant T] [--lane LANE] [--rows R] [--dir D]\n       atd-ingestion emit --continue FILE',
    options: {
      recursive: { type: 'boolean', short: 'r', help: 'all files below the directories that are named' },
      tenant: { type: 'string', short: 't', value: 'NAME', help: 'tenant of the files; of sample files, all of them' },
      'tenant-from': {
        type: 'string',
        value: 'HOW',
        help: "directory: its name; or as '/srv/{tenant}/**' of the path",
      },
      format: { type: 'string', value: 'NAME', help: 'format to state in the message; default: by extension' },
      lane: { type: 'string', value: 'LANE', help: 'live, normal or backfill: whose turn comes first (normal)' },
      rate: { type: 'string', value: 'N/s', help: 'no faster than that; also N/min, N/h' },
      wait: { type: 'boolean', help: 'until each file is loaded or given up; 1 where one was given up' },
      timeout: { type: 'string', value: 'TIME', help: 'of --wait: 90s, 30m, 1h; then it ends with 75' },
      'dry-run': { type: 'boolean', help: 'only say which, and which would be given up' },
      skip: { type: 'boolean', help: 'leave out what would be given up, instead of announcing nothing' },
      force: { type: 'boolean', help: 'announce also what would be given up' },
      state: { type: 'string', value: 'FILE', help: 'where it is noted how far this is; default: a new file' },
      continue: { type: 'string', value: 'FILE', help: 'go on with what was interrupted, by its state file' },
      'num-messages': { type: 'string', short: 'n', value: 'N', help: 'make and announce N sample files' },
      rows: { type: 'string', value: 'R', help: 'rows per sample file (100)' },
      dir: { type: 'string', value: 'D', help: 'where to write them; default: ./atd-samples' },
      json: { type: 'boolean', help: 'what was done, as one line of JSON' },
      ...COMMON_OPTIONS,
    },
    positionals: true,
    takesFiles: true,
    examples: [
      ['emit --tenant acme /srv/export/events.parquet --wait', 'one file, and what became of it'],
      [
        "emit --tenant-from '/srv/export/{tenant}/**' '/srv/export/**/*.parquet'",
        'a pattern, with the tenant in the path',
      ],
      [
        'emit -r /archive/2025 --tenant-from directory --lane backfill --rate 50/s',
        'a tree, slowly, behind all others',
      ],
      ['find /srv/export -newer mark -print0 | atd-ingestion emit - --tenant acme', 'a list'],
    ],
    execute: async (options) => (await import('./emit/emit.js')).emit(options),
  },
  reconcile: {
    summary: 'compare files on the disk with topic and ledger: 0 where none is missing, 1 where one is',
    usage:
      'atd-ingestion reconcile DIR… [--recursive] [--tenant T | --tenant-from directory|PATTERN]\n       atd-ingestion reconcile DIR… --announce [--lane LANE] [--rate N/s]',
    options: {
      recursive: { type: 'boolean', short: 'r', help: 'all files below the directories that are named' },
      tenant: {
        type: 'string',
        short: 't',
        value: 'NAME',
        help: 'whose the files are; default: whoever they were announced for',
      },
      'tenant-from': {
        type: 'string',
        value: 'HOW',
        help: "directory: its name; or as '/srv/{tenant}/**' of the path",
      },
      announce: { type: 'boolean', help: 'announce what was never announced' },
      'older-than': { type: 'string', value: 'TIME', help: 'announce: leave out what has changed since (1m)' },
      force: { type: 'boolean', help: 'announce: also what is older than all that is known' },
      format: { type: 'string', value: 'NAME', help: 'announce: format to state; default: by extension' },
      lane: { type: 'string', value: 'LANE', help: 'announce: live, normal or backfill (normal)' },
      rate: { type: 'string', value: 'N/s', help: 'announce: no faster than that; also N/min, N/h' },
      all: { type: 'boolean', help: 'list also what is loaded' },
      json: { type: 'boolean', help: 'one JSON object a line, the last of them the summary' },
      ...URL_OPTION,
      ...COMMON_OPTIONS,
    },
    positionals: true,
    takesFiles: true,
    examples: [
      ['reconcile -r /srv/export --tenant-from directory', 'what is missing of all that was exported'],
      [
        "reconcile '/srv/export/*/2026-11-28/*.parquet' --json",
        'one day, for a program: exit code 1 where a file is missing',
      ],
      ['reconcile -r /srv/export --tenant-from directory --announce --lane backfill', 'announce what never was'],
    ],
    execute: async (options) => (await import('./reconcile/reconcile.js')).reconcile(options),
  },
  'dead-letters': {
    summary: 'list what was given up, and why; replay it, or discard it (also dlq)',
    usage:
      'atd-ingestion dead-letters [list] [FILTERS] [--group-by reason]\n       atd-ingestion dead-letters show PARTITION/OFFSET\n       atd-ingestion dead-letters replay|discard FILTERS|PARTITION/OFFSET…',
    options: {
      since: { type: 'string', value: 'WHEN', help: 'sent since then: 90s, 30m, 1h, 2d ago, or 2026-11-28T05:00:00Z' },
      tenant: { type: 'string', short: 't', value: 'NAME', help: 'of this tenant; "" for those without one' },
      disposition: { type: 'string', value: 'NAME', help: 'given up for this: permanent-failure, file-missing …' },
      reason: { type: 'string', value: 'TEXT', help: 'with this text in the reason' },
      file: { type: 'string', value: 'GLOB', help: 'about such a file: * is any text, ? one character' },
      'group-by': { type: 'string', value: 'WHAT', help: 'list: count them by tenant, disposition, reason or file' },
      limit: { type: 'string', value: 'N', help: 'list: the newest N of them (100)' },
      all: { type: 'boolean', help: 'list: also what was replayed or discarded' },
      'dry-run': { type: 'boolean', help: 'replay, discard: only say which' },
      rate: { type: 'string', value: 'N/s', help: 'replay: no faster than that; also N/min, N/h' },
      'max-replays': { type: 'string', value: 'N', help: 'replay: nothing that was replayed N times already (3)' },
      again: { type: 'boolean', help: 'replay: load them anew, whether or not the table has their rows' },
      run: { type: 'string', value: 'ID', help: 'replay --again: goes on with a run that was interrupted' },
      json: { type: 'boolean', help: 'as JSON: list has one object a line' },
      ...COMMON_OPTIONS,
    },
    positionals: true,
    actions: ['list', 'show', 'replay', 'discard'],
    examples: [
      ['dead-letters --since 1h --group-by reason', 'what failed in the last hour, and why'],
      ['dead-letters show 3/1204', 'all that there is of one'],
      ["dead-letters replay --tenant acme --file '*/2026-11-28/*' --dry-run", 'what would be loaded again'],
      ['dead-letters replay --since 1d --disposition file-missing --rate 20/s', 'at a bearable speed'],
      ['dead-letters discard 3/1204 3/1207', 'two that nobody needs'],
    ],
    execute: async (options) => (await import('./letters/dead-letters.js')).deadLetters(options),
  },
  status: {
    summary: 'show how a service is: 0 where it is well, 1 where it is not, 2 where it does not answer',
    usage: 'atd-ingestion status [--watch] [--json] [--url URL | --config FILE]',
    options: {
      watch: { type: 'boolean', short: 'w', help: 'go on showing it, until you press Ctrl-C' },
      json: { type: 'boolean', help: 'as the service answers: one line of JSON' },
      ...REMOTE_OPTIONS,
    },
    positionals: false,
    execute: async (options) => (await import('./status.js')).status(options),
  },
  top: {
    summary: 'show how a service is, again and again, with keys to sort tenants and to pause one',
    usage: 'atd-ingestion top [--token-file FILE] [--url URL | --config FILE]',
    options: {
      'token-file': {
        type: 'string',
        value: 'FILE',
        help: "has the service's token, to pause a tenant; default: http.token_file",
      },
      ...REMOTE_OPTIONS,
    },
    positionals: false,
    examples: [
      ['top', 'the service of the settings, until you press q; ? shows the other keys'],
      ['top --url http://loader-3:9464 --token-file token', 'another one, with p for pause and resume'],
    ],
    execute: async (options) => (await import('./top/top.js')).top(options),
  },
  loads: {
    summary: 'show what became of files; take the rows of loads out of their tables',
    usage:
      'atd-ingestion loads [--since 1h] [--tenant T] [--status S] [--file GLOB] [--group-by reason]\n       atd-ingestion loads show ID\n       atd-ingestion loads undo|replay ID…|FILTERS [--dry-run]',
    options: {
      since: { type: 'string', value: 'WHEN', help: 'ended since then: 90s, 30m, 1h, 2d ago, or 2026-11-28T05:00:00Z' },
      tenant: { type: 'string', short: 't', value: 'NAME', help: 'of this tenant; "" for those without one' },
      status: {
        type: 'string',
        short: 's',
        value: 'S',
        help: 'loaded, given-up, skipped, undone; or attempts: failed, superseded',
      },
      file: { type: 'string', value: 'GLOB', help: 'of such a path: * is any text, ? one character' },
      'group-by': { type: 'string', value: 'WHAT', help: 'count them by reason, status, tenant, disposition or table' },
      limit: { type: 'string', value: 'N', help: 'the newest N of them (100); undo, replay: no more than these' },
      'dry-run': { type: 'boolean', help: 'undo, replay: only say which, and how many rows' },
      yes: { type: 'boolean', short: 'y', help: 'undo: delete without asking' },
      reason: { type: 'string', value: 'TEXT', help: 'undo: why, for the ledger' },
      'keep-view-rows': { type: 'boolean', help: 'undo: also where materialized views keep what they got' },
      json: { type: 'boolean', help: 'one JSON object a line; undo, replay: one in all' },
      url: {
        ...URL_OPTION.url,
        help: 'ask this service, not the ledger, for what it still knows; undo: what it loads',
      },
      config: COMMON_OPTIONS.config,
      help: COMMON_OPTIONS.help,
    },
    positionals: true,
    actions: ['list', 'show', 'undo', 'replay'],
    examples: [
      ['loads --since 1h --status given-up', 'what was given up in the last hour, and why'],
      ['loads --since 1d --status failed --group-by reason', 'why attempts failed today'],
      ["loads --file '*/orders-2026-11-27.csv'", 'what became of a file'],
      ['loads show 19655eca-001f-8b58-94f8-3fb90862ab6b', 'each attempt of one'],
      ["loads undo --tenant acme --file '*/2026-11-27/*' --dry-run", 'which rows would be deleted (ingest.provenance)'],
      ["loads undo 19655eca-001f-8b58-94f8-3fb90862ab6b --reason 'twice the price'", 'delete those of one'],
      ['loads replay 19655eca-001f-8b58-94f8-3fb90862ab6b', 'load it again'],
    ],
    execute: async (options, version) => (await import('./loads/loads.js')).loads(options, version),
  },
  ...CHANGE_COMMANDS,
  'check-config': {
    summary: 'check the settings and show them',
    usage: 'atd-ingestion check-config [--config FILE]\n       atd-ingestion check-config --connect [--config FILE]',
    options: {
      connect: { type: 'boolean', help: 'as doctor: ask also what they name' },
      json: { type: 'boolean', help: 'of --connect: one line of JSON' },
      ...COMMON_OPTIONS,
    },
    positionals: false,
    execute: async (options) => {
      if (options.values['connect'] === true) return (await import('./doctor/doctor.js')).doctor(options);
      return (await import('./check-config.js')).checkConfig(options);
    },
  },
  doctor: {
    summary: 'ask all that the service needs, and say what to mend: 0 where all is well, 1 where not',
    usage: 'atd-ingestion doctor [--json] [--config FILE]',
    options: { json: { type: 'boolean', help: 'one line of JSON' }, ...COMMON_OPTIONS },
    positionals: false,
    examples: [
      [
        'sudo -u atd-ingestion atd-ingestion doctor --config /etc/atd-ingestion/atd-ingestion.yaml',
        'as the user of the service',
      ],
    ],
    execute: async (options) => (await import('./doctor/doctor.js')).doctor(options),
  },
  completion: {
    summary: 'print what bash, zsh or fish reads to complete this command line',
    usage: 'atd-ingestion completion bash|zsh|fish',
    options: { help: COMMON_OPTIONS.help },
    positionals: true,
    actions: ['bash', 'zsh', 'fish'],
    examples: [['completion bash > /etc/bash_completion.d/atd-ingestion', 'for all users of bash']],
    execute: async (options) => (await import('./completion/completion.js')).completion(options, completables()),
  },
};

/** Shorter names. */
export const ALIASES: Readonly<Record<string, string>> = { dlq: 'dead-letters' };

/** The commands as a shell completes them, their shorter names too. */
export function completables(): Completable[] {
  const of = (name: string, command: CommandDefinition): Completable => {
    const options = Object.entries(command.options).map(([option, { short = null, value = null, help }]) => {
      return { name: option, short, value, help };
    });
    const { summary, actions = [], takesFiles = false } = command;
    return { name, summary, actions, takesFiles, options };
  };
  const aliases = Object.entries(ALIASES).map(([name, full]) => of(name, COMMANDS[full] as CommandDefinition));
  return [...Object.entries(COMMANDS).map(([name, command]) => of(name, command)), ...aliases];
}

/** An example with the program's name, unless it is said where that stands. */
export function wholeCall(example: string): string {
  return /(?:^|\s)atd-ingestion\s/.test(example) ? example : `atd-ingestion ${example}`;
}
