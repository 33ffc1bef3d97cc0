/** What a process holds at most, as the kernel counts it for itself; its resource usage would count its parent. */
import { readFile } from 'node:fs/promises';

const TELL_PEAK =
  "data:text/javascript,import{readFileSync,writeFileSync}from'node:fs';" +
  "process.on('exit',()=>writeFileSync(process.env.STATUS_FILE,readFileSync('/proc/self/status')))";

/** The environment of a program of Node that writes it to a file at its end. */
export function tellPeak(file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${TELL_PEAK}`, STATUS_FILE: file };
}

/** In bytes. */
export async function readPeak(file: string): Promise<number> {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile(file, 'utf8'))?.[1]) * 1024;
}
