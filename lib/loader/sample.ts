/** The part of a file that shows its columns: the first records of a text file, the footer of a Parquet file. */
import { ExitCode } from '../errors.js';
import { LoadError } from './failures.js';
import { type Format, hasRows, parquetFooter, wholeRecords } from './formats.js';
import type { SourceFile } from './source-file.js';

/** Enough rows for a sound guess at types, and for CSV without that need enough for any header. */
const TYPES_BYTES = 1024 * 1024;
const NAMES_BYTES = 64 * 1024;
/** A single record or footer beyond this is taken for garbage. */
const LIMIT_BYTES = 64 * 1024 * 1024;

export type Sample = { readonly kind: 'sample'; readonly data: Uint8Array } | { readonly kind: 'no-rows' };

/** `types` says whether the columns' types are wanted, or only their names. */
export async function takeSample(file: SourceFile, format: Format, types: boolean): Promise<Sample> {
  if (format.name === 'parquet') return { kind: 'sample', data: await parquetSample(file) };
  let limit = types || format.name === 'jsonl' ? TYPES_BYTES : NAMES_BYTES;
  for (; ; limit *= 4) {
    const head = await file.read(0, limit);
    if (head.length === file.bytes)
      return hasRows(format.name, head) ? { kind: 'sample', data: head } : { kind: 'no-rows' };
    const records = head.subarray(0, wholeRecords(format.name, head));
    if (records.length > 0 && hasRows(format.name, records)) return { kind: 'sample', data: records };
    if (limit >= LIMIT_BYTES)
      throw damaged(file, `no whole record in its first ${limit} bytes`, 'check that it is complete');
  }
}

async function parquetSample(file: SourceFile): Promise<Uint8Array> {
  const footer = parquetFooter(await file.read(file.bytes - 8, 8), file.bytes);
  if (!footer) throw damaged(file, 'it does not end as a Parquet file does, it is truncated', 'have it written again');
  if (footer.length > LIMIT_BYTES)
    throw damaged(file, `its footer claims ${footer.length} bytes`, 'have it written again');
  return Buffer.concat([await file.read(0, 4), await file.read(footer.start, footer.length)]);
}

function damaged(file: SourceFile, why: string, remedy: string): LoadError {
  return new LoadError(ExitCode.dataError, `cannot load ${file.path}: ${why}; ${remedy}`);
}
