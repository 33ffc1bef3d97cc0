/**
 * Asks the registry whether a package that runs in production has a published advisory.
 *
 *   node scripts/audit.mjs
 *
 * The exit code is 0 if there is none, 1 if there is one, or 69 where the registry does not answer such a question, as a mirror
 * may not: then nothing is known.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXIT_FOUND = 1;
const EXIT_UNAVAILABLE = 69;
/** A registry that is away is asked once; the default is three times, with minutes between. */
const NPM = ['audit', '--omit=dev', '--package-lock-only', '--json', '--fetch-retries=0', '--fetch-timeout=60000'];

/** What npm says, or null where it says nothing of the kind. */
function answerOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function titlesOf({ via }) {
  return via.map((cause) => (typeof cause === 'string' ? `by ${cause}` : `${cause.title} (${cause.url})`)).join('; ');
}

const { stdout, stderr, error } = spawnSync('npm', NPM, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 });
const answer = answerOf(stdout);
if (answer?.metadata?.vulnerabilities === undefined) {
  const why = error?.message ?? answer?.message ?? stderr.trim();
  console.error(`audit: the registry does not say whether there are advisories, so nothing is known: ${why}`);
  console.error('audit: ask again where https://registry.npmjs.org itself answers (npm_config_registry)');
  process.exitCode = EXIT_UNAVAILABLE;
} else {
  const found = Object.values(answer.vulnerabilities);
  for (const each of found) console.error(`audit: ${each.name} ${each.range} (${each.severity}): ${titlesOf(each)}`);
  const { prod } = answer.metadata.dependencies;
  if (found.length === 0) console.log(`audit: no advisory for any of the ${prod} packages that run in production`);
  else {
    console.error(
      'audit: take a version without it into package.json, or say in docs/security.md why it does not reach us',
    );
    process.exitCode = EXIT_FOUND;
  }
}
