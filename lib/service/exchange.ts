/** What is sent to Kafka for the engine, and the event that the broker's answer is. */
import type { Action, CommitOffset, EngineEvent } from '../core/events.js';
import { isMetadataTooLarge } from '../kafka/group/refusals.js';
import { objectionTo } from '../kafka/letter-objection.js';
import type { LogLevel } from '../types.js';
import type { Adapters } from './adapters.js';

type Sent<Type> = Extract<Action, { readonly type: Type }>;
type Clients = Pick<Adapters, 'consumer' | 'deadLetter' | 'waiting'>;
type Committing = Clients & Pick<Adapters, 'ledger'>;

/** Never rejects: what fails is an event, too. */
export function exchange(
  effect: Sent<'dead-letter' | 'set-aside' | 'commit'>,
  clients: Committing,
): Promise<EngineEvent> {
  switch (effect.type) {
    case 'dead-letter':
      return sendLetter(effect, clients);
    case 'set-aside':
      return setAside(effect, clients);
    case 'commit':
      return commit(effect, clients);
  }
}

async function sendLetter(
  { letterId, letter, unclear }: Sent<'dead-letter'>,
  { deadLetter }: Clients,
): Promise<EngineEvent> {
  try {
    return { type: 'dead-lettered', letterId, leftOut: await deadLetter.send(letter, unclear) };
  } catch (error) {
    const { message, cause } = error as Error;
    return { type: 'dead-letter-failed', letterId, error: message, isUnclear: objectionTo(cause) === 'unclear' };
  }
}

async function setAside({ batchId, to, records }: Sent<'set-aside'>, { waiting }: Clients): Promise<EngineEvent> {
  const refusal = (await waiting?.setAside(to, records)) ?? null;
  return refusal === null ? { type: 'set-aside-done', batchId } : { type: 'set-aside-failed', batchId, ...refusal };
}

async function commit({ offsets }: Sent<'commit'>, { consumer, ledger }: Committing): Promise<EngineEvent> {
  try {
    // What is committed is not loaded again, so its rows could not be made a second time.
    await ledger?.settled();
    await consumer.commit(offsets);
    return { type: 'committed', offsets };
  } catch (error) {
    const { message } = error as Error;
    return { type: 'commit-failed', offsets, error: message, isMetadataTooLarge: isMetadataTooLarge(error) };
  }
}

/**
 * So that the next run does not count what was being loaded as interrupted by its own fault.
 *
 * @param offsets the last commits without the starts of this run
 */
export async function takeStartsBack(
  offsets: readonly CommitOffset[],
  { consumer }: Clients,
  log: (level: LogLevel, event: string, fields: Record<string, unknown>) => void,
): Promise<void> {
  if (offsets.length === 0) return;
  const partitions = offsets.map(({ partition }) => partition);
  try {
    await consumer.commit(offsets);
    log('info', 'commit.unmarked', { partitions });
  } catch (error) {
    log('warn', 'commit.failed', { partitions, error: (error as Error).message });
  }
}
