/**
 * Ports of the loopback address for servers that go away and come back, and for addresses where nobody is to listen. The
 * kernel gives out other ones to whoever connects or asks for any port, so that nobody takes them meanwhile.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Below are the ports that programs have by custom. */
const LOWEST = 12_000;
const TRIES = 100;

/** The first port that the kernel gives out by itself. */
function firstEphemeral(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0]);
  } catch {
    return 32_768;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** @throws Error where none of many is free */
export async function quietPort(): Promise<number> {
  const end = firstEphemeral();
  for (let tries = 0; tries < TRIES && end > LOWEST; tries += 1) {
    const port = randomInt(LOWEST, end);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports from ${LOWEST} to ${end} is free`);
}
