/** What is sent to Kafka for the engine, and the event that the broker's answer is. */
import type { Action, EngineEvent } from '../core/events.js';
import { isMetadataTooLarge } from '../kafka/group/refusals.js';
import { objectionTo } from '../kafka/letter-objection.js';
import type { Adapters } from './adapters.js';

type Sent<Type> = Extract<Action, { readonly type: Type }>;
type Clients = Pick<Adapters, 'consumer' | 'deadLetter' | 'waiting'>;

/** Never rejects: what fails is an event, too. */
export function exchange(effect: Sent<'dead-letter' | 'set-aside' | 'commit'>, clients: Clients): Promise<EngineEvent> {
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

async function commit({ offsets }: Sent<'commit'>, { consumer }: Clients): Promise<EngineEvent> {
  try {
    await consumer.commit(offsets);
    return { type: 'committed', offsets };
  } catch (error) {
    const { message } = error as Error;
    return { type: 'commit-failed', offsets, error: message, isMetadataTooLarge: isMetadataTooLarge(error) };
  }
}
