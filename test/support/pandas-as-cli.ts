/** AppSentinels' as-cli with a plugin that loads as a real one would, by pandas and pyarrow: some 500 MB, below `.sandbox`. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fixture } from './commands.js';
import { installPackages } from './venv.js';

const PLUGIN = fixture('as-cli-pandas-plugin');
const PLACE = 'as-cli-2.2.8-pandas-3.1.1';

/** @throws Error when it cannot be installed although the package index is reached */
export function installPandasAsCli(): { readonly executable: string } | { readonly unreachable: string } {
  // An installation leaves files of its own beside the plugin's.
  const directory = mkdtempSync(join(tmpdir(), 'atd-plugin-'));
  try {
    const plugin = join(directory, 'plugin');
    cpSync(PLUGIN, plugin, { recursive: true });
    const requirements = ['-r', join(plugin, 'requirements.txt')];
    const installed = installPackages(PLACE, 'python3', requirements, ['--no-deps', '--no-build-isolation', plugin]);
    return 'unreachable' in installed ? installed : { executable: join(dirname(installed.python), 'as-cli') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
