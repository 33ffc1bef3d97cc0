/** The dead letters over HTTP: listed, replayed, discarded, each by the work that the command line does as well. */
import type { Config } from '../../config/load.js';
import { AtdError, isAtdError } from '../../errors.js';
import type { ApiAnswer, ApiHandlers } from '../../http/api.js';
import { readLettersQuery, type WantedLetters } from '../../http/letter-wishes.js';
import { createKafkaClient } from '../../kafka/client.js';
import type { LedgerReader } from '../../ledger/reader.js';
import { type Choice, readPlace } from '../../letters/choice.js';
import type { Letter } from '../../letters/letter.js';
import { type LetterOutcome, LetterWork } from '../../letters/letter-work.js';
import type { RowsOf } from '../../letters/undone.js';
import { kafkaOptions, letterTopicOf, SILENT } from '../adapters.js';
import { type Acts, signed } from './acts.js';

export interface LetterSources {
  /** As it is at the moment. */
  readonly config: () => Config;
  readonly acts: Pick<Acts, 'note'>;
  /** Null where there is no ledger. */
  readonly ledger: Pick<LedgerReader, 'rowsOfEach'> | null;
}

export function letterHandlers({
  config,
  acts,
  ledger,
}: LetterSources): Pick<ApiHandlers, 'letters' | 'replay' | 'discard'> {
  const work = new LetterWork(() => {
    const { kafka, ingest } = config();
    const client = createKafkaClient({ ...kafkaOptions(config), ...SILENT, retries: 1 });
    return {
      source: { kafka: client, topic: letterTopicOf(config()), groupId: kafka.group_id },
      ...{ brokers: kafka.bootstrap_servers, topic: kafka.topic, maxMessageBytes: ingest.max_message_bytes },
      rowsOf: ledger === null ? null : rowsIn(ledger, ingest.provenance),
    };
  });
  const handle =
    (act: 'replay' | 'discard'): ApiHandlers['replay'] =>
    ({ wanted, ...wish }) =>
      answered(async () => {
        const { by, reason } = signed(wish);
        const outcome = await work[act](choiceOf(wanted), by);
        const result = `${outcome.done.length} of ${countOf(outcome)}`;
        if (outcome.done.length > 0) acts.note({ act, subject: subjectOf(outcome.done), result, by, reason });
        return { status: outcome.problem === null ? 200 : 503, body: shown(outcome) };
      });
  return {
    letters: (query) => {
      const read = readLettersQuery(query);
      if ('problem' in read) return { status: 400, body: { error: read.problem } };
      const { wanted, limit, isAll } = read;
      return answered(async () => ({
        status: 200,
        body: { letters: await work.list(choiceOf(wanted), limit, isAll) },
      }));
    },
    replay: handle('replay'),
    discard: handle('discard'),
  };
}

function rowsIn(ledger: Pick<LedgerReader, 'rowsOfEach'>, hasProvenance: boolean): RowsOf {
  let isAway = false;
  return async (loadIds) => {
    if (isAway) return [];
    try {
      return await ledger.rowsOfEach(loadIds);
    } catch (cause) {
      // Where no row says which load it is of, nothing was undone.
      isAway = !hasProvenance;
      if (isAway) return [];
      const why = 'the ledger, which says whether a file was undone, does not answer';
      throw new AtdError('ATD_UNREACHABLE', `${why}: ${(cause as Error).message}; try again`, { cause });
    }
  };
}

async function answered(make: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  try {
    return await make();
  } catch (error) {
    const isMistake = isAtdError(error) && error.code === 'ATD_USAGE';
    return { status: isMistake ? 422 : 503, body: { error: (error as Error).message } };
  }
}

function choiceOf({ letters, since, tenant, disposition, about, file }: WantedLetters): Choice {
  const places = letters?.map(readPlace).filter((place) => place !== null) ?? null;
  return { since, filter: { tenant, disposition, reason: about, file }, places };
}

function shown({ done, refused, handled, problem }: LetterOutcome): object {
  return {
    ...(problem === null ? {} : { error: `not all of it was done: ${problem}` }),
    done: done.map(placeOf),
    refused: refused.map(({ letter, why }) => ({ letter: placeOf(letter), why })),
    handledBefore: handled,
  };
}

const MAX_SUBJECTS = 10;

/** The first of them: `3/1204 3/1205 …`. */
function subjectOf(letters: readonly Letter[]): string {
  const more = letters.length > MAX_SUBJECTS ? ' …' : '';
  return `${letters.slice(0, MAX_SUBJECTS).map(placeOf).join(' ')}${more}`;
}

function countOf({ done, refused, handled }: LetterOutcome): number {
  return done.length + refused.length + handled;
}

function placeOf({ partition, offset }: Letter): string {
  return `${partition}/${offset}`;
}
