/**
 * The image of the Dockerfile, built by buildah, which needs no daemon. No registry of images is asked: what stands for Node's
 * own image is a Debian with npm's Node 24. The processes of an image run as Docker's `--read-only --user` would run them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.js';
import type { Cleanup } from '../support/service-process.js';
import { debianRoot } from './machine.js';

const NODE_VERSION = '24.21.0';
const BASE = `localhost/node:${NODE_VERSION}`;
const SANDBOX = join(PACKAGE_ROOT, '.sandbox');
const STORE = ['--root', join(SANDBOX, 'buildah'), '--runroot', join(SANDBOX, 'buildah-run')];
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Of a machine whose way to the registries has an authority of its own. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const AUTHORITIES_IN_BASE = '/etc/machine-authorities.crt';

/** What the image says of itself. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Volumes: Readonly<Record<string, object>>;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
  readonly StopSignal: string;
}

function buildah(...args: string[]): string {
  try {
    return execFileSync('buildah', [...STORE, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).trim();
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`buildah ${args.join(' ')}\n${stdout.slice(-4_096)}${stderr.slice(-4_096)}`);
  }
}

/** Node's own image has Node and npm in /usr/local, and a user `node` with the number 1000. */
function makeBase(): void {
  if (buildah('images', '--quiet', '--filter', `reference=${BASE}`) !== '') return;
  const prefix = join(SANDBOX, `node-${NODE_VERSION}`);
  const wanted = `node-linux-${process.arch}`;
  const quietly = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', '--prefix', prefix, ...quietly, `${wanted}@${NODE_VERSION}`]);
  const container = buildah('from', 'scratch');
  const root = buildah('mount', container);
  const inBase = (...path: string[]): string => join(root, 'usr/local', ...path);
  execFileSync('cp', ['-a', `${debianRoot()}/.`, root]);
  copyFileSync(join(prefix, 'node_modules', wanted, 'bin/node'), inBase('bin/node'));
  mkdirSync(inBase('lib/node_modules'), { recursive: true });
  const npm = join(execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim(), 'npm');
  execFileSync('cp', ['-a', npm, inBase('lib/node_modules/npm')]);
  execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', inBase('bin/npm')]);
  execFileSync('chroot', [root, 'useradd', '--uid', '1000', '--user-group', '--create-home', 'node']);
  const settings = ['--env', `PATH=${PATH}`];
  if (existsSync(AUTHORITIES)) {
    copyFileSync(AUTHORITIES, join(root, AUTHORITIES_IN_BASE));
    for (const name of ['NODE_EXTRA_CA_CERTS', 'PIP_CERT']) settings.push('--env', `${name}=${AUTHORITIES_IN_BASE}`);
  }
  buildah('umount', container);
  buildah('config', ...settings, container);
  buildah('commit', '--quiet', '--rm', container, BASE);
}

export class Image {
  readonly name: string;
  readonly config: ImageConfig;

  private constructor(name: string) {
    this.name = name;
    const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', name));
    this.config = Docker.config;
  }

  /** Of the project's Dockerfile; `target` is what is built without a name where it is null. */
  static build(target: string | null, args: Readonly<Record<string, string>> = {}): Image {
    makeBase();
    const values = Object.entries({ NODE_IMAGE: BASE, ...args }).flatMap(([key, value]) => [
      '--build-arg',
      `${key}=${value}`,
    ]);
    return Image.#make(target ?? 'default', [
      ...(target === null ? [] : ['--target', target]),
      ...values,
      PACKAGE_ROOT,
    ]);
  }

  /** One that begins with this one. */
  extend(name: string, context: string, instructions: string): Image {
    const file = join(context, 'Dockerfile');
    writeFileSync(file, `FROM ${this.name}\n${instructions}\n`);
    return Image.#make(name, ['--file', file, context]);
  }

  static #make(tag: string, args: readonly string[]): Image {
    const name = `localhost/atd-ingestion:${tag}`;
    buildah('build', '--isolation', 'chroot', '--format', 'docker', '--layers', '--quiet', '--tag', name, ...args);
    return new Image(name);
  }

  /** A container of it, whose root nobody writes to. */
  start(t: Cleanup): Container {
    const container = buildah('from', this.name);
    t.after(() => buildah('rm', container));
    return new Container(buildah('mount', container), this.config);
  }
}

export interface RunOptions {
  /** Number of user and group. */
  readonly user: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Directories of this machine, by their place in the container, where they cannot be written to. */
  readonly mounts?: Readonly<Record<string, string>>;
}

/** As Docker makes it: the root read-only, /tmp and the image's volumes to be written to, no rights, processes of its own. */
const ENTER = `
set -e
root=$1 volumes=$2 mounts=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for volume in $volumes; do
  mount -t tmpfs -o "$(stat -c 'mode=%a,uid=%u,gid=%g' "$root$volume")" tmpfs "$root$volume"
done
for mount in $mounts; do
  inside=$root\${mount#*=}
  mount --bind "\${mount%%=*}" "$inside"
  mount -o remount,bind,ro "$inside"
done
exec chroot "$root" "$@"
`;

export class Container {
  readonly root: string;
  readonly #config: ImageConfig;

  constructor(root: string, config: ImageConfig) {
    this.root = root;
    this.#config = config;
  }

  /** Runs the image's entrypoint with these arguments, its own where there are none; or the program named first. */
  spawn(args: readonly string[], options: RunOptions, program = this.#config.Entrypoint): ChildProcess {
    const { user, env = {}, mounts = {} } = options;
    const volumes = Object.keys(this.#config.Volumes ?? {}).filter((volume) => !(volume in mounts));
    const places = Object.entries(mounts).map(([inside, outside]) => `${outside}=${inside}`);
    // Only root enters a root directory, so the user is taken on inside.
    const drop = [
      'setpriv',
      '--reuid',
      user,
      '--regid',
      user,
      '--clear-groups',
      '--bounding-set=-all',
      '--no-new-privs',
    ];
    const variables = [...this.#config.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    const command = [...drop, 'env', '-i', ...variables, ...program, ...(args.length > 0 ? args : this.#config.Cmd)];
    const shell = ['sh', '-c', ENTER, 'enter', this.root, volumes.join(' '), places.join(' ')];
    return spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', ...shell, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** The first process in its process table, which Docker's signals go to. */
export function firstProcess(container: ChildProcess): number {
  const children = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8');
  return Number(children.trim());
}
