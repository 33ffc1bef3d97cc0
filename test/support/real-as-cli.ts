/**
 * AppSentinels' own as-cli, from the Python package index, with the plugin of `test/fixtures/as-cli-plugin`: installed once
 * per version of the plugin, below `.sandbox`. Where the index cannot be reached it is left out, with the reason; any other
 * failure to install it is an error.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fixture } from './commands.js';
import { makeVenv, packagesOf, pip, run, SANDBOX, unreachable } from './venv.js';

export interface RealAsCli {
  readonly executable: string;
  /** The same package without any plugin. */
  readonly withoutPlugin: string;
}

export type Installed = RealAsCli | { readonly unreachable: string };

const PLUGIN = fixture('as-cli-plugin');

/** @throws Error when it cannot be installed although the package index is reached */
export function installAsCli(): Installed {
  const place = join(SANDBOX, `as-cli-${fingerprint()}`);
  if (!existsSync(place)) {
    const reason = install(place);
    if (reason !== null) return { unreachable: reason };
  }
  return { executable: join(place, 'with', 'bin', 'as-cli'), withoutPlugin: join(place, 'without', 'bin', 'as-cli') };
}

function fingerprint(): string {
  const hash = createHash('sha256').update(run('python3', ['--version']).output);
  for (const name of readdirSync(PLUGIN).sort()) hash.update(name).update(readFileSync(join(PLUGIN, name)));
  return hash.digest('hex').slice(0, 12);
}

/** A virtual environment cannot be moved, so a link to a finished one takes its place; the last of several wins. */
function install(place: string): string | null {
  mkdirSync(SANDBOX, { recursive: true });
  const directory = mkdtempSync(join(SANDBOX, 'as-cli-venv-'));
  const [without, withPlugin] = [join(directory, 'without'), join(directory, 'with')];
  const source = join(directory, 'plugin');
  cpSync(PLUGIN, source, { recursive: true });
  makeVenv('python3', without);
  const installed = pip(without, ['-r', join(source, 'requirements.txt')]);
  if (!installed.ok) {
    const reason = unreachable(installed);
    if (reason !== null) return reason;
    throw new Error(`AppSentinels' as-cli cannot be installed\n${installed.output}`);
  }
  // The second one finds the packages of the first, and has the plugin besides.
  makeVenv('python3', withPlugin, '--without-pip');
  const packages = packagesOf(withPlugin);
  writeFileSync(join(packages, 'as-cli.pth'), `${packagesOf(without)}\n`);
  const added = pip(without, ['--no-deps', '--no-build-isolation', '--target', packages, source]);
  if (!added.ok) throw new Error(`the tests' plugin cannot be installed\n${added.output}`);
  const script = readFileSync(join(without, 'bin', 'as-cli'), 'utf8').replaceAll(without, withPlugin);
  writeFileSync(join(withPlugin, 'bin', 'as-cli'), script, { mode: 0o755 });
  const link = `${directory}-link`;
  symlinkSync(directory, link);
  renameSync(link, place);
  return null;
}
