/** The jars of Apache Kafka, fetched once from Maven Central into `.sandbox/` of the project, by pom.xml. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Guarded } from './guarded.js';

export interface KafkaJars {
  readonly version: string;
  readonly directory: string;
}

/** The project's directory: the compiled tests stand in a directory of their own below it. */
function projectRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('the sandbox found no package.json above itself');
    directory = parent;
  }
  return directory;
}

/**
 * Finds or fetches the jars. A fetch goes to the guard's directory and takes its place by one rename, so that an
 * interrupted one leaves no half a broker and two processes may fetch at the same time. @throws Error where Maven fails.
 *
 * @param wanted null for the version that pom.xml names
 */
export async function kafkaJars(guarded: Guarded, wanted: string | null): Promise<KafkaJars> {
  const root = projectRoot();
  const pom = join(root, 'test', 'sandbox', 'pom.xml');
  const version = wanted ?? /<kafka\.version>([^<]+)</.exec(await readFile(pom, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${pom} names no kafka.version`);
  const directory = join(root, '.sandbox', `kafka-${version}`);
  if (existsSync(directory)) return { version, directory };

  console.error(`fetching Apache Kafka ${version} from Maven Central (43 MB, once) to ${directory}`);
  const fetched = join(guarded.directory, 'jars');
  const args = ['-q', '-B', '-Dstyle.color=never', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  await guarded.complete('mvn', [...args, `-Dkafka.version=${version}`, `-DoutputDirectory=${fetched}`]);
  const complete = `${directory}.${randomUUID()}`;
  await cp(fetched, complete, { recursive: true });
  try {
    await rename(complete, directory);
  } catch (error) {
    await rm(complete, { recursive: true, force: true });
    // Somebody else was faster.
    if (!existsSync(directory)) throw error;
  }
  return { version, directory };
}
