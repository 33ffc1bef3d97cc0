/** What a command of the command line is: its help, its options, and what it does. */
import type { ExitCode } from '../errors.js';
import type { OptionDefinition, ParsedOptions } from './options.js';

export interface CommandDefinition {
  readonly summary: string;
  readonly usage: string;
  readonly options: Readonly<Record<string, OptionDefinition>>;
  readonly positionals: boolean;
  /** Words that may stand behind it first. */
  readonly actions?: readonly string[];
  readonly takesFiles?: boolean;
  /** Without the program's name, and what each does. */
  readonly examples?: readonly (readonly [command: string, does: string])[];
  /** Loads its module when it is called: a command pays for no other's start. */
  readonly execute: (options: ParsedOptions, version: string) => Promise<ExitCode>;
}
