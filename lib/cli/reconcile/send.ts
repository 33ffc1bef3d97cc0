/**
 * Announces what was never announced, by the sending of `emit` and with its state file. A run that was killed may have sent
 * messages that are not in the topic yet: the next one waits for these before it reads the topic. What the topic has is not
 * announced again, so nothing else of the former run counts.
 */
import { hash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import type { Config } from '../../config/load.js';
import { createKafkaClient } from '../../kafka/client.js';
import { openSender, type Sender } from '../../sending/sender.js';
import { kafkaOptions, mendClient, SILENT } from '../../service/adapters.js';
import type { Lane } from '../../types.js';
import { announceAll, findUnacknowledged } from '../emit/announce.js';
import type { Announcement } from '../emit/announcement.js';
import { type EmitState, stateOf } from '../emit/emit-state.js';
import { StateFile, stateDirectory } from '../emit/state-file.js';

/** Files whose messages are announced by one state file. */
const CHUNK = 10_000;

export class Announcer {
  readonly #config: Config;
  readonly #lane: Lane | null;
  readonly #perSecond: number | null;
  readonly #kafka: Kafka;
  /** A state file that names nothing: who has it is the one that announces from here. */
  readonly #lock: StateFile;
  readonly #path: string;
  #sender: Sender | null = null;
  #files: Announcement[] = [];

  private constructor(config: Config, lane: Lane | null, perSecond: number | null) {
    this.#config = config;
    this.#lane = lane;
    this.#perSecond = perSecond;
    mendClient(config);
    this.#kafka = createKafkaClient({ ...kafkaOptions(() => config), ...SILENT, retries: 3 });
    const { topic, bootstrap_servers: brokers } = config.kafka;
    const name = `reconcile-${hash('sha256', `${topic} ${[...brokers].sort().join()}`).slice(0, 16)}`;
    this.#path = join(stateDirectory(), `${name}.jsonl`);
    const lock = join(stateDirectory(), `${name}.lock.jsonl`);
    const head = { id: name, topic, lane: null, count: 0 };
    this.#lock = existsSync(lock) ? StateFile.goOn(lock).file : StateFile.create(lock, head, []);
  }

  /**
   * Before the topic is read.
   *
   * @throws AtdError ATD_USAGE where another process is at it
   */
  static async begin(config: Config, lane: Lane | null, perSecond: number | null): Promise<Announcer> {
    const announcer = new Announcer(config, lane, perSecond);
    try {
      await announcer.#settle();
      return announcer;
    } catch (error) {
      await announcer.end();
      throw error;
    }
  }

  /** Returns how many were sent by it. */
  async add(announcement: Announcement): Promise<number> {
    this.#files.push(announcement);
    return this.#files.length < CHUNK ? 0 : this.flush();
  }

  async flush(): Promise<number> {
    const files = this.#files.sort((a, b) => (a.filename < b.filename ? -1 : 1));
    this.#files = [];
    if (files.length === 0) return 0;
    const { topic, bootstrap_servers: brokers } = this.#config.kafka;
    const head = { id: randomUUID(), topic, lane: this.#lane, count: files.length };
    const file = StateFile.create(this.#path, head, files);
    const state: EmitState = { head, files, owner: null, sent: 0, found: new Set(), open: null, begin: null };
    this.#sender ??= await openSender(this.#kafka, brokers);
    await announceAll({ ...this.#at(state, file), sender: this.#sender, perSecond: this.#perSecond });
    file.remove();
    return files.length;
  }

  async end(): Promise<void> {
    await this.#sender?.close();
    this.#lock.remove();
  }

  async #settle(): Promise<void> {
    if (!existsSync(this.#path)) return;
    let former: ReturnType<typeof StateFile.goOn>;
    try {
      former = StateFile.goOn(this.#path);
    } catch (error) {
      if (!isCutOff(this.#path)) throw error;
      // Its beginning was not written to its end, and nothing is sent before; nobody else is at it, by the lock.
      rmSync(this.#path, { force: true });
      return;
    }
    await findUnacknowledged(this.#at(former.state, former.file));
    former.file.remove();
  }

  #at(state: EmitState, file: StateFile) {
    return { kafka: this.#kafka, groupId: this.#config.kafka.group_id, state, file };
  }
}

/** Whether it can be read and its beginning is not whole. */
function isCutOff(path: string): boolean {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return false;
  }
  try {
    stateOf(text, path);
    return false;
  } catch {
    return true;
  }
}
