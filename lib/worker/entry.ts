/**
 * What runs in one thread: connects the primary with `supervise`. A thread runs one task at a time. Piscina hands back
 * what the task returns by structured clone, which loses an error's code and class: so an expected failure is an outcome,
 * and a rejection is a bug.
 */
import { MessageChannel, type MessagePort, parentPort, threadId, workerData } from 'node:worker_threads';
import type {
  MotherPlace,
  Outcome,
  PrimaryMessage,
  WorkerControl,
  WorkerMessage,
  WorkerSettings,
  WorkerTask,
} from '../types.js';
import { Deferred } from '../util/deferred.js';
import { compileSinkRules, compileStdoutFailures } from './attempt/classify.js';
import { type Control, supervise } from './attempt/supervise.js';
import { createLauncher, createLooker } from './launch/choose.js';
import { SlotMemory } from './shared-memory.js';

/** Sent once on the thread's own channel when the thread can take tasks; `port` connects it with the primary. */
export interface ThreadUp {
  readonly type: 'thread-up';
  readonly threadId: number;
  readonly port: MessagePort;
}

/**
 * A child's start is reported when the child has lived for this long, or with the next message about it. The start of a
 * child that ends sooner is reported with its outcome, which saves a message where such children are many.
 */
const REPORT_AFTER_MS = 5;

/** The attempt under way, once it takes requests. */
interface Listening {
  readonly slot: number;
  readonly listener: (request: WorkerControl) => void;
}

const settings = workerData as WorkerSettings & { readonly memory: SharedArrayBuffer };
const sink = compileSinkRules(settings.sinkUnavailable);
const stdoutFailures = compileStdoutFailures(settings.stdoutFailures);
const memory = new SlotMemory(settings.memory);
const { port1: primary, port2: port } = new MessageChannel();
/** Questions to the primary that it has not answered. */
const mothersAskedFor = new Map<string, Deferred<MotherPlace>>();
const launcher = await createLauncher(
  settings.launch,
  ({ name, pid }) => primary.postMessage({ type: 'launcher', name, pid } satisfies WorkerMessage),
  (wanted) => {
    const answer = new Deferred<MotherPlace>();
    mothersAskedFor.set(wanted.key, answer);
    primary.postMessage({ type: 'mother-wanted', wanted } satisfies WorkerMessage);
    return answer.promise;
  },
);
const looker = await createLooker(launcher);
let listening: Listening | null = null;
/** Of the attempt under way. */
let said: { readonly jobId: string; readonly lastLine: () => string } | null = null;
let unreported: { readonly message: WorkerMessage; readonly timer: NodeJS.Timeout } | null = null;

primary.on('message', (message: PrimaryMessage) => {
  if (message === 'check-requests') checkRequests();
  else if (message === 'say-last-line') sayLastLine();
  else if (message === 'end') void end();
  else mothersAskedFor.get(message.key)?.resolve(message.place);
});
parentPort?.postMessage({ type: 'thread-up', threadId, port } satisfies ThreadUp, [port]);

export default async function attempt(task: WorkerTask): Promise<Outcome> {
  try {
    return await supervise(task.command, controlOf(task));
  } finally {
    listening = null;
    said = null;
    clearTimeout(unreported?.timer);
    unreported = null;
  }
}

function controlOf({ jobId, slot }: WorkerTask): Control {
  return {
    launcher,
    looker,
    sink,
    stdoutFailures,
    onStarted: (pid, launchMs) => {
      memory.setPid(slot, pid);
      unreported = {
        message: { type: 'started', jobId, pid, launchMs },
        timer: setTimeout(reportStart, REPORT_AFTER_MS),
      };
    },
    onSignalled: (signal) => send({ type: 'signalled', jobId, signal }),
    onLine: settings.forwardLines ? (stream, text) => send({ type: 'line', jobId, stream, text }) : null,
    onOutput: (lastLine) => {
      said = { jobId, lastLine };
    },
    onRequest: (listener) => {
      listening = { slot, listener };
      // A stop may have come while the task waited for its thread. Taken now, it saves the start of a child.
      checkRequests();
    },
  };
}

function sayLastLine(): void {
  if (said !== null) send({ type: 'last-line', jobId: said.jobId, text: said.lastLine() });
}

function send(message: WorkerMessage): void {
  reportStart();
  primary.postMessage(message);
}

function reportStart(): void {
  if (unreported === null) return;
  clearTimeout(unreported.timer);
  primary.postMessage(unreported.message);
  unreported = null;
}

function checkRequests(): void {
  const request = listening === null ? null : memory.requestOf(listening.slot);
  if (request !== null) listening?.listener(request);
}

/** The pool closes: no attempt runs or will. */
async function end(): Promise<void> {
  await launcher.close();
  await looker?.close();
  primary.close();
}
