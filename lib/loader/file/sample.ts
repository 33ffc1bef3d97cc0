/** The part of a file that shows its columns: the first records of a text file, header or footer of a binary one. */
import { ExitCode } from '../../errors.js';
import { LoadError, oneLine } from '../failures.js';
import { arrowSchema, avroSchema, parquetSchema, type SchemaPart } from './binary-schema.js';
import type { Contents } from './contents.js';
import type { Format, FormatName } from './formats.js';
import { wholeObjects } from './json-text.js';
import { endsWithCarriageReturn, hasRows, wholeRecords } from './text-rows.js';

/** Enough rows for a sound guess at types, and for CSV without that need enough for any header. */
const TYPES_BYTES = 1024 * 1024;
const NAMES_BYTES = 64 * 1024;
/** What holds the schema of most binary files; it is asked for again where it does not. */
const SCHEMA_BYTES = 64 * 1024;
/** A single record, header or footer beyond this is taken for garbage. */
const LIMIT_BYTES = 64 * 1024 * 1024;

export type Sample = { readonly kind: 'sample'; readonly data: Uint8Array } | { readonly kind: 'no-rows' };

/** `types` says whether the columns' types are wanted, or only their names. */
export async function takeSample(contents: Contents, format: Format, types: boolean): Promise<Sample> {
  const schema = BINARY_SCHEMAS[format.name];
  if (schema) return { kind: 'sample', data: await binarySchema(contents, format.name, schema) };
  let limit = types || format.name === 'jsonl' ? TYPES_BYTES : NAMES_BYTES;
  for (; ; limit *= 4) {
    const { data, whole } = await contents.head(limit);
    const head = { data: data.subarray(format.preamble.bytes), whole };
    if (endsWithCarriageReturn(format.name, head.data))
      throw damaged(contents, 'its lines end with CR alone', 'have it written with LF or CRLF');
    if (head.whole) return hasRows(format.name, head.data) ? { kind: 'sample', data: head.data } : { kind: 'no-rows' };
    const objects = format.name === 'jsonl' ? wholeObjects(head.data) : head.data.subarray(0, 0);
    const records = objects.length > 0 ? objects : head.data.subarray(0, wholeRecords(format.name, head.data));
    if (records.length > 0 && hasRows(format.name, records)) return { kind: 'sample', data: records };
    if (limit >= LIMIT_BYTES)
      throw damaged(contents, `no whole record in its first ${limit} bytes`, 'check that it is complete');
  }
}

/** Looks at `bytes` of one end of the file. */
type FindSchema = (contents: Contents, bytes: number) => Promise<SchemaPart | null>;

const BINARY_SCHEMAS: Readonly<Partial<Record<FormatName, FindSchema>>> = {
  parquet: async (contents, length) => {
    const { data, bytes } = await contents.tail(length);
    return parquetSchema(data, bytes);
  },
  orc: async (contents, length) => {
    const { orcSchema } = await import('./orc-schema.js');
    return await orcSchema((await contents.tail(length)).data);
  },
  arrow: async (contents, length) => arrowSchema((await contents.head(length)).data),
  avro: async (contents, length) => avroSchema((await contents.head(length)).data),
};

async function binarySchema(contents: Contents, format: FormatName, find: FindSchema): Promise<Uint8Array> {
  const again = 'have it written again';
  for (let bytes = SCHEMA_BYTES, before = 0; ; ) {
    const part = await find(contents, bytes).catch((error: unknown) => {
      if (error instanceof LoadError) throw error;
      throw damaged(contents, `its schema cannot be read (${oneLine((error as Error).message)})`, again);
    });
    if (part?.kind === 'part') return part.data;
    if (part === null || bytes === before)
      throw damaged(contents, `it is not a whole ${format} file, it may be truncated`, again);
    if (part.bytes > LIMIT_BYTES) throw damaged(contents, `its schema claims ${part.bytes} bytes`, again);
    before = bytes;
    bytes = Math.max(part.bytes, bytes);
  }
}

function damaged({ file }: Contents, why: string, remedy: string): LoadError {
  return new LoadError(ExitCode.dataError, `cannot load ${file.path}: ${why}; ${remedy}`);
}
