/** The machine as the service will find it: directories, disk, port and loader. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../config/load.js';
import { commandTemplate } from '../../core/rules/command.js';
import { judgeProbe } from '../../core/rules/loader-probe.js';
import { LoaderProbe } from '../../pool/loader-probe.js';
import { engineSettings, type LoaderProgram } from '../../service/settings.js';
import { bytesText } from '../../util/plain-text.js';
import { chooseLoader } from '../executable.js';
import { call, ownUrl } from '../remote.js';
import { type Finding, ill, well } from './finding.js';

/** A disk with less of it is as good as full. */
const LEAST_FREE = 64 * 1024 * 1024;

export function directoryFindings({ ingest: { allowed_roots } }: Config): Finding[] {
  return allowed_roots.map((root) => {
    const what = `directory ${root}`;
    try {
      if (!statSync(root).isDirectory()) return ill(what, 'it is no directory', 'correct ingest.allowed_roots');
      accessSync(root, constants.R_OK | constants.X_OK);
      return well(what, 'it can be read');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return ill(what, 'it is not there', 'mount it, or correct ingest.allowed_roots');
      if (code === 'EACCES')
        return ill(what, 'this user may not read it', 'let the user of the service read and enter it');
      return ill(what, message, 'look at its disk');
    }
  });
}

/** Where the service writes: its log, and what systemd gives it. */
export function diskFindings({ log_file }: Config): Finding[] {
  const written = [
    log_file === null ? null : dirname(resolve(log_file)),
    process.env['STATE_DIRECTORY'] ?? null,
    '/tmp',
  ];
  return [...new Set(written.filter((path) => path !== null && existsSync(path)))].map((path) => {
    const what = `disk of ${path}`;
    try {
      const { bavail, bsize } = statfsSync(path as string);
      const free = `${bytesText(bavail * bsize)} free`;
      return bavail * bsize >= LEAST_FREE ? well(what, free) : ill(what, free, 'make room');
    } catch (error) {
      return ill(what, (error as Error).message, 'look at its disk');
    }
  });
}

export async function portFinding(config: Config): Promise<Finding> {
  const { host, port } = config.http;
  const what = `port ${host}:${port}`;
  const error = await listenError(host, port);
  if (error === null) return well(what, 'it is free');
  if (error.code === 'EADDRINUSE' && (await isService(config))) return well(what, 'a service of atd-ingestion has it');
  if (error.code === 'EADDRINUSE') {
    return ill(what, 'another program has it', 'stop that one, or choose another http.port');
  }
  return ill(what, error.message, 'correct http.host and http.port');
}

/** @returns the findings, and the loader where there is one */
export async function loaderFinding(config: Config): Promise<{ finding: Finding; loader: LoaderProgram | null }> {
  let loader: LoaderProgram;
  try {
    loader = chooseLoader(config);
  } catch (error) {
    const finding = ill('loader', (error as Error).message, 'correct as_cli.executable');
    return { finding, loader: null };
  }
  const { command } = engineSettings(config, loader, process.env);
  const probe = new LoaderProbe({ ...loader, env: () => commandTemplate(command).command.env });
  const verdict = judgeProbe(await probe.run());
  probe.stop();
  const what = `loader ${[loader.file, ...loader.args].join(' ')}`;
  if (verdict.kind === 'accused') return { finding: ill(what, verdict.reason, 'mend or replace it'), loader };
  const found = verdict.warning ?? `it runs${loader.bundled ? ' (bundled)' : ''}`;
  return { finding: well(what, found), loader };
}

function listenError(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', settle);
    server.listen({ host, port, exclusive: true }, () => server.close(() => settle(null)));
  });
}

async function isService(config: Config): Promise<boolean> {
  try {
    const { status, text } = await call(ownUrl(config), '/api/status');
    return status === 200 && 'state' in (JSON.parse(text) as object);
  } catch {
    return false;
  }
}
