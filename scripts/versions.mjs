/**
 * The versions of Node and Kafka that the project is built for and tested with, read from where each stands: the oldest Node
 * in package.json (`engines`), the sandbox's Kafka in test/sandbox/pom.xml, the other ones in scripts/ci-matrix.json.
 */
import { readFileSync } from 'node:fs';

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** The first group of the pattern. @throws Error where the file has no match */
function found(path, pattern) {
  const value = pattern.exec(read(path))?.[1];
  if (value === undefined) throw new Error(`${path} has no ${pattern}, where scripts/versions.mjs looks for a version`);
  return value;
}

/** As `20.19`: the bundles are made for it. */
export function oldestNode() {
  return found('package.json', /"node": ">=(\d+\.\d+)"/);
}

/** Complete versions; the first Kafka is the one that the sandbox starts by default, the first Node is the oldest. */
export function testedVersions() {
  const others = JSON.parse(read('scripts/ci-matrix.json'));
  const sandboxKafka = found('test/sandbox/pom.xml', /<kafka\.version>([^<]+)</);
  return { node: [`${oldestNode()}.0`, ...others.node], kafka: [sandboxKafka, ...others.kafka] };
}
