/** The commands by which a person changes a service that runs. */
import type { CommandDefinition } from './command-definition.js';
import { COMMON_OPTIONS } from './options.js';
import { URL_OPTION } from './remote.js';
import { ignoreSignals } from './shutdown.js';

const CHANGE_OPTIONS = {
  json: { type: 'boolean', help: 'as the service answers: one line of JSON' },
  'token-file': { type: 'string', value: 'FILE', help: "has the service's token; default: http.token_file" },
  ...URL_OPTION,
  config: COMMON_OPTIONS.config,
  help: COMMON_OPTIONS.help,
} as const;

const REASON = {
  reason: { type: 'string', value: 'TEXT', help: 'why, for the log, the ledger and the status' },
} as const;

export const CHANGE_COMMANDS: Readonly<Record<string, CommandDefinition>> = {
  pause: {
    summary: 'have the files of a tenant wait, in all instances and across restarts',
    usage: 'atd-ingestion pause TENANT [--for 1h] [--reason TEXT]',
    options: {
      for: { type: 'string', value: 'TIME', help: '90s, 30m, 1h, 2d; default: until somebody resumes it' },
      ...REASON,
      ...CHANGE_OPTIONS,
    },
    positionals: true,
    execute: async (options) => (await import('./control.js')).pause(options),
  },
  resume: {
    summary: 'have the files of a tenant go on; without one, an instance that is drained',
    usage: 'atd-ingestion resume TENANT [--reason TEXT]\n       atd-ingestion resume [--reason TEXT]',
    options: { ...REASON, ...CHANGE_OPTIONS },
    positionals: true,
    examples: [
      ['resume acme', 'the files of acme go on, in all instances'],
      ['resume', 'the instance of these settings joins its group again'],
    ],
    execute: async (options) => (await import('./control.js')).resume(options),
  },
  drain: {
    summary: 'have an instance finish what runs, leave its group and stay up; or load what was set aside',
    usage:
      'atd-ingestion drain [--reason TEXT] [--wait] [--url URL]\n       atd-ingestion drain --waiting [--config FILE]',
    options: {
      wait: { type: 'boolean', help: 'until it has left the group' },
      ...REASON,
      waiting: {
        type: 'boolean',
        help: 'another command: a service of its own loads what waits in <kafka.topic>.waiting (tenants.set_aside), and ends',
      },
      ...CHANGE_OPTIONS,
      topic: { ...COMMON_OPTIONS.topic, help: 'of --waiting: topic that announces the files (kafka.topic)' },
    },
    positionals: false,
    examples: [
      ["drain --wait --reason 'the disk is exchanged'", 'before work on the machine; `resume` ends it, and a restart'],
      ['drain --waiting', 'before tenants.set_aside is switched off'],
    ],
    execute: async (options, version) => {
      if (options.values['waiting'] !== true) return (await import('./control.js')).drain(options);
      ignoreSignals(() => undefined);
      return (await import('./run.js')).drainWaiting(options, version);
    },
  },
  scale: {
    summary: 'have so many files loaded at the same time, until the next start',
    usage: 'atd-ingestion scale SLOTS [--reason TEXT]',
    options: { ...REASON, ...CHANGE_OPTIONS },
    positionals: true,
    examples: [
      ["scale 8 --reason 'a backlog'", 'thread_pool_size holds again after a restart, or a reload that changes it'],
    ],
    execute: async (options) => (await import('./control.js')).scale(options),
  },
  reload: {
    summary: 'have the service take over what has changed in its settings',
    usage: 'atd-ingestion reload [--reason TEXT]',
    options: { ...REASON, ...CHANGE_OPTIONS },
    positionals: false,
    execute: async (options) => (await import('./control.js')).reload(options),
  },
};
