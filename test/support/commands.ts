/** Commands that run the fixture programs. Fixtures are not compiled: they are read from the source tree. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Command } from '../../lib/types.js';
import { PACKAGE_ROOT } from './package-root.js';
import { patience } from './processes.js';

export function fixture(name: string): string {
  return join(PACKAGE_ROOT, 'test/fixtures', name);
}

/** A command with a marker of its own; `entry` is the marker as it stands in the environment of what it starts. */
export interface TestCommand extends Command {
  readonly jobId: string;
  readonly entry: string;
}

export function command(
  file: string,
  args: readonly string[],
  changes: Partial<Pick<Command, 'timeoutMs' | 'graceMs' | 'env' | 'input'>> = {},
): TestCommand {
  const jobId = `test/0/0/${randomUUID()}`;
  return {
    input: { file: join(PACKAGE_ROOT, 'package.json'), allowedRoots: [] },
    file,
    args,
    // Only tests of deadline and grace are about them.
    timeoutMs: patience(60_000),
    graceMs: patience(60_000),
    ...changes,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...changes.env, ATD_JOB_ID: jobId },
    jobId,
    entry: `ATD_JOB_ID=${jobId}`,
  };
}

/** A shell script that stands in the test. */
export function shell(script: string, changes: Parameters<typeof command>[2] = {}): TestCommand {
  return command('/bin/sh', ['-c', script], changes);
}

/** A fixture that is a shell script, or a Node module if it is named so. */
export function program(
  name: string,
  args: readonly string[] = [],
  changes: Parameters<typeof command>[2] = {},
): TestCommand {
  const interpreter = name.endsWith('.mjs') ? process.execPath : '/bin/sh';
  return command(interpreter, [fixture(name), ...args], changes);
}
