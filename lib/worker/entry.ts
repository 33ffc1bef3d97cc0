/**
 * What runs in one thread: connects an attempt's port with `supervise`. A thread runs one task at a time. Piscina hands
 * back what the task returns by structured clone, which loses an error's code and class: so an expected failure is an
 * outcome, and a rejection is a bug.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, threadId, workerData } from 'node:worker_threads';
import { compileSinkRules } from '../core/classify.js';
import type { Outcome, WorkerControl, WorkerMessage, WorkerSettings, WorkerTask } from '../types.js';
import { type Control, supervise } from './supervise.js';

/** Sent once on the thread's own channel when it can take tasks. */
export interface ThreadUp {
  readonly type: 'thread-up';
  readonly threadId: number;
}

const settings = workerData as WorkerSettings;
const sink = compileSinkRules(settings.sinkUnavailable);
parentPort?.postMessage({ type: 'thread-up', threadId } satisfies ThreadUp);

export default async function attempt(task: WorkerTask<MessagePort>): Promise<Outcome> {
  const { port } = task;
  try {
    return await supervise(task.command, controlOver(port));
  } finally {
    port.removeAllListeners();
    port.close();
  }
}

function controlOver(port: MessagePort): Control {
  const send = (message: WorkerMessage): void => port.postMessage(message);
  return {
    sink,
    onStarted: (pid, launchMs) => send({ type: 'started', pid, launchMs }),
    onSignalled: (signal) => send({ type: 'signalled', signal }),
    onLine: settings.forwardLines ? (stream, text) => send({ type: 'line', stream, text }) : null,
    onRequest: (listener) => {
      // A stop that came while the task waited for its thread: heard now, it saves the start of a child.
      const early = receiveMessageOnPort(port) as { readonly message: WorkerControl } | undefined;
      if (early !== undefined) listener(early.message.type);
      port.on('message', (request: WorkerControl) => listener(request.type));
      // The primary gave the attempt up.
      port.on('close', () => listener('kill'));
    },
  };
}
