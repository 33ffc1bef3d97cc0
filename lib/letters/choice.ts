/** Which letters are meant: by filters, or by the places of some. */
import { isWanted, type Letter, type LetterFilter } from './letter.js';

const PLACE = /^(\d{1,10})\/(\d{1,16})$/;

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface Choice {
  /** Milliseconds since the epoch; null for all times. */
  readonly since: number | null;
  readonly filter: LetterFilter;
  /** Null for all that the filter lets through. */
  readonly places: readonly Place[] | null;
}

/** `3/1204`; null for anything else. */
export function readPlace(text: string): Place | null {
  const [, partition, offset] = PLACE.exec(text)?.map(Number) ?? [];
  return partition === undefined || offset === undefined ? null : { partition, offset };
}

export function isChosen(letter: Letter, { filter, places }: Choice): boolean {
  const isNamed = ({ partition, offset }: Place) => partition === letter.partition && offset === letter.offset;
  return (places === null || places.some(isNamed)) && isWanted(letter, filter);
}
