/** Which children may be forked from one process: those of one script that have all but the job's own variables in common. */
import type { Command, MotherPlace, MotherWanted } from '../../../types.js';

/** Asks who keeps the mothers, for one thread of them all. Never rejects. */
export type AskForMother = (wanted: MotherWanted) => Promise<MotherPlace>;

/** What belongs to a file's load and not to the loader; `libexec/prefork/mother.py` has the same list. */
const OF_THE_JOB = /^(ATD_|TRACEPARENT)/;

export function wantedBy({ file, env }: Command): MotherWanted {
  const lasting: Record<string, string> = {};
  for (const name in env) if (!OF_THE_JOB.test(name)) lasting[name] = env[name] as string;
  return { key: JSON.stringify([file, lasting]), script: file, env: lasting };
}
