/**
 * A program that runs a stubborn command under a guard and tells what there is to clean up. Then it waits to be killed,
 * or, with the argument `leave`, ends without stopping anything.
 */
import { Guarded } from './guarded.js';

/** Ignores TERM, and so does its child. */
const STUBBORN = 'trap "" TERM; echo pid $$; sleep 600 & echo pid $!; while true; do wait; done';

const guarded = await Guarded.start('atd-guard-test-');
const command = guarded.run('sh', ['-c', STUBBORN]);
const pids = await guarded.ready(command, 120_000, (output) => {
  const found = [...output.matchAll(/^pid (\d+)$/gm)].map((match) => Number(match[1]));
  return found.length === 2 ? found : null;
});
process.stdout.write(`${JSON.stringify({ directory: guarded.directory, pids })}\n`);
if (process.argv[2] === 'leave') guarded.release();
