/**
 * A Debian with its own systemd, in a container of systemd-nspawn on a copy of what debootstrap makes once. It has the network of
 * this machine, its Node, and this package at `/src`, read-only.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { withinTime } from '../../lib/util/deadline.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { patience, waitUntil } from '../support/processes.js';
import type { Cleanup } from '../support/service-process.js';

const RELEASE = 'bookworm';
const CACHE = join(PACKAGE_ROOT, '.sandbox', `debian-${RELEASE}`);
/** What a minimal Debian lacks: systemd, what Node is linked against, and the launcher's Python. */
const PACKAGES = 'systemd,systemd-sysv,dbus,libstdc++6,python3-minimal';
const BOOT_MS = 120_000;
const SHUTDOWN_MS = 15_000;

/** Why no such machine can be had here, where its programs are; false where it can. */
export function whyNoMachine(): string | false {
  return process.getuid?.() !== 0 && 'only root can boot a container';
}

export class Machine {
  /** Its file system, as this machine sees it. */
  readonly root: string;
  #leader = 0;

  private constructor(root: string) {
    this.root = root;
  }

  static async boot(t: Cleanup): Promise<Machine> {
    const debian = debianRoot();
    const directory = mkdtempSync(join(tmpdir(), 'atd-machine-'));
    const machine = new Machine(join(directory, 'root'));
    execFileSync('cp', ['-a', '--reflink=auto', debian, machine.root]);
    const node = '/usr/local/bin/node';
    const shared = [`--bind-ro=${PACKAGE_ROOT}:/src`, `--bind-ro=${process.execPath}:${node}`];
    const booting = ['--boot', '--register=no', '--keep-unit', '--quiet', '--console=pipe'];
    const container = spawn('systemd-nspawn', [`--directory=${machine.root}`, ...booting, ...shared], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [container.stdout, container.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const ended = once(container, 'exit');
    t.after(async () => {
      // It shuts down in order.
      container.kill('SIGTERM');
      await withinTime(ended, patience(SHUTDOWN_MS));
      container.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    });
    const hasBooted = async (): Promise<boolean> => {
      if (container.exitCode !== null) throw new Error(`the container ended: ${output}`);
      // What comes first is a helper that ends.
      machine.#leader = Number(readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8').trim());
      if (machine.#leader === 0) return false;
      const { stdout } = await machine.try('systemctl', 'is-system-running');
      return /^(running|degraded)/.test(stdout);
    };
    await waitUntil(hasBooted, BOOT_MS, 'the machine to boot');
    return machine;
  }

  /** What a command on the machine printed. @throws Error with its stderr where it failed */
  async run(...command: string[]): Promise<string> {
    const { stdout, error } = await this.try(...command);
    if (error !== null) throw new Error(`${command.join(' ')}: ${error}`);
    return stdout;
  }

  async try(...command: string[]): Promise<{ readonly stdout: string; readonly error: string | null }> {
    const env = ['env', '-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8'];
    const target = [
      '--target',
      String(this.#leader),
      '--mount',
      '--uts',
      '--ipc',
      '--pid',
      '--cgroup',
      '--root',
      '--wd',
    ];
    try {
      const limits = { timeout: patience(60_000), maxBuffer: 256 * 1024 * 1024 };
      return { ...(await promisify(execFile)('nsenter', [...target, ...env, ...command], limits)), error: null };
    } catch (error) {
      const { stdout, stderr, message } = error as Error & { readonly stdout: string; readonly stderr: string };
      return { stdout, error: stderr || message };
    }
  }

  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Properties of a unit, as `systemctl show` has them. */
  async show(unit: string, ...properties: string[]): Promise<Readonly<Record<string, string>>> {
    const lines = (await this.run('systemctl', 'show', unit, `--property=${properties.join(',')}`)).trim().split('\n');
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }
}

/** The file system of that Debian, to be copied and not written to; made once, which takes some minutes. */
export function debianRoot(): string {
  if (!existsSync(CACHE)) install();
  return CACHE;
}

function install(): void {
  const begun = `${CACHE}.new`;
  rmSync(begun, { recursive: true, force: true });
  mkdirSync(dirname(CACHE), { recursive: true });
  execFileSync('debootstrap', ['--variant=minbase', `--include=${PACKAGES}`, RELEASE, begun], { stdio: 'inherit' });
  renameSync(begun, CACHE);
}
