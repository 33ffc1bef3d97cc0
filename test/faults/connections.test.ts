/** Thousands of connections that ask for nothing whole, opened again whenever they are cut: probes and loads go on. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../support/processes.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import { FULL } from './seed.js';

const CONNECTIONS = 2_000;
const ROUNDS = FULL ? 60 : 5;
const ROUND_MS = 1_000;
/** Of a machine that does nothing else; elsewhere it only has to be answered. */
const LIVEZ_MS = 1_000;
const DEADLINE_MS = 120_000;

/** Connections with half a request each, kept at that number until they are ended. */
class Crowd {
  opened = 0;
  #open = new Set<Socket>();
  #isOver = false;

  constructor(url: string, count: number) {
    for (let each = 0; each < count; each += 1) this.#connect(Number(new URL(url).port));
  }

  end(): void {
    this.#isOver = true;
    for (const socket of this.#open) socket.destroy();
  }

  #connect(port: number): void {
    const socket = connect(port, '127.0.0.1', () => {
      this.opened += 1;
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX: ');
    });
    this.#open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#open.delete(socket);
      setTimeout(() => this.#isOver || this.#connect(port), ROUND_MS).unref();
    });
  }
}

test(`row 68: ${CONNECTIONS} connections are held for ${ROUNDS} rounds, livez answers and files are loaded`, async (t) => {
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'exit 0');
  const announcements = new Announcements(place);
  const service = await startService(t, place);
  const crowd = new Crowd(service.http, CONNECTIONS);
  t.after(() => crowd.end());
  await waitUntil(() => crowd.opened >= CONNECTIONS, DEADLINE_MS, 'all connections were opened');
  const times: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const next = delay(ROUND_MS);
    await announcements.files([script]);
    const asked = performance.now();
    const livez = await service.ask('/livez', { signal: AbortSignal.timeout(DEADLINE_MS) });
    times.push(performance.now() - asked);
    assert.equal(livez.status, 200, await livez.text());
    await service.until(() => fixtureLoads(place).size >= round, DEADLINE_MS, `file ${round} is loaded`);
    await next;
  }
  const slowest = Math.round(Math.max(...times));
  t.diagnostic(`${crowd.opened} connections were opened; the slowest livez took ${slowest} ms`);
  if (FULL) assert.ok(slowest < LIVEZ_MS, `livez took ${times.map(Math.round)} ms`);
  crowd.end();
  assert.equal(await service.stop(), 0);
  const loads = fixtureLoads(place);
  const { letters } = await closeBooks({ place, records: announcements.records, loads, mayRepeat: false });
  assert.equal(letters, 0);
});
