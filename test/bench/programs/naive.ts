/** What one would write first: worker threads that call execa, without any supervision. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { execa } from 'execa';
import { type LaunchAnswer, type LaunchQuestion, timed } from './launching.js';
import { answer } from './program.js';

if (isMainThread) {
  const threads: Worker[] = [];
  answer(async ({ children, slots, file }: LaunchQuestion): Promise<LaunchAnswer> => {
    while (threads.length < slots) threads.push(new Worker(new URL(import.meta.url)));
    return timed(async () => {
      const share = Math.ceil(children / slots);
      await Promise.all(threads.slice(0, slots).map((thread) => runIn(thread, share, file)));
    });
  });
} else {
  parentPort?.on('message', async ({ children, file }: { readonly children: number; readonly file: string }) => {
    for (let index = 0; index < children; index += 1) await execa(file);
    parentPort?.postMessage('done');
  });
}

function runIn(thread: Worker, children: number, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.once('message', () => resolve());
    thread.once('error', reject);
    thread.postMessage({ children, file });
  });
}
