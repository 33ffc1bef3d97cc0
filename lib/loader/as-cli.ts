/** The executable: one run with the arguments and the environment of this process. Bundled to dist/as-cli.js. */
import { writeSync } from 'node:fs';
import { ExitCode } from '../errors.js';
import { type Connect, connect } from './clickhouse/client.js';
import { type Output, run } from './main.js';

/** `process.stdout` is made when it is first asked for, which takes longer than the rest of what is printed. */
async function write(file: 1 | 2, text: string): Promise<void> {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(file, rest));
  } catch (error) {
    // The reader has seen enough; what was done is done.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return;
    // A pipe that does not block and is full: Node waits for its reader.
    const stream = file === 1 ? process.stdout : process.stderr;
    await new Promise<void>((resolve) => stream.write(rest, () => resolve()));
  }
}

const output: Output = {
  out: (text) => write(1, text),
  error: (text) => write(2, text),
  get outColumns() {
    return process.stdout.isTTY ? process.stdout.columns : null;
  },
  get errorColumns() {
    return process.stderr.isTTY ? process.stderr.columns : null;
  },
};

/** The end of the process closes the connection: to close it before would have Node prepare `process.stderr`. */
const connectForOneRun: Connect = (connection) => ({ ...connect(connection), close: async () => undefined });

async function bug(error: unknown): Promise<ExitCode> {
  await output.error(`as-cli: internal error: ${String(error)}; report this as a bug\n`);
  return ExitCode.internal;
}

// Ending by `exit` saves the time in which Node would take itself apart.
void run(process.argv.slice(2), process.env, output, connectForOneRun)
  .catch(bug)
  .then((exitCode) => process.exit(exitCode));
