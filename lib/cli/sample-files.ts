/** Sample data as an exporter would drop it: the shape of a web request log, as Parquet, CSV or JSON lines. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';

export const SAMPLE_FORMATS = ['parquet', 'csv', 'jsonl'] as const;

export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

export interface SampleFile {
  readonly file: string;
  readonly format: SampleFormat;
  readonly tenant: string | null;
  readonly rows: number;
  readonly bytes: number;
}

export interface SampleRequest {
  readonly directory: string;
  /** Part of every file's name and row's id: two runs into one directory do not meet. */
  readonly run: string;
  readonly index: number;
  readonly tenant: string | null;
  readonly rows: number;
}

interface SampleRow {
  readonly time: Date;
  readonly id: string;
  readonly tenant: string;
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  readonly bytes: number;
}

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const PATHS = ['/', '/login', '/api/v1/orders', '/api/v1/users', '/search?q="a,b"', '/größe'];
const STATUSES = [200, 200, 200, 201, 301, 404, 500];
const COLUMNS = [
  'MsgHeader.MessageTime',
  'Id',
  'MsgHeader.TenantId',
  'HTTPReq.Method',
  'HTTPReq.Uri',
  'HTTPResp.ResponseCode',
  'HTTPResp.BodyLength',
];

/** Writes sample file number `index`; the formats take turns. */
export function writeSampleFile(request: SampleRequest): SampleFile {
  const { directory, run, index, tenant, rows } = request;
  const format = SAMPLE_FORMATS[index % SAMPLE_FORMATS.length] as SampleFormat;
  const file = join(directory, `sample-${run}-${String(index).padStart(4, '0')}.${format}`);
  const data = Array.from({ length: rows }, (_, row) => sampleRow(request, row));
  const content = encode(format, data);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, content);
  return { file, format, tenant, rows, bytes: content.byteLength };
}

/** The same row for the same request, so that a repeated run is a repeated load. */
function sampleRow({ run, index, tenant }: SampleRequest, row: number): SampleRow {
  const at = index * 7 + row;
  return {
    time: new Date(Date.UTC(2026, 0, 1) + at * 1_000),
    id: `${run}-${index}-${row}`,
    tenant: tenant ?? '',
    method: METHODS[at % METHODS.length] as string,
    uri: PATHS[at % PATHS.length] as string,
    status: STATUSES[at % STATUSES.length] as number,
    bytes: (at * 2_654_435_761) % 100_000,
  };
}

function encode(format: SampleFormat, rows: readonly SampleRow[]): Buffer {
  switch (format) {
    case 'parquet':
      return encodeParquet(rows);
    case 'csv':
      return Buffer.from([COLUMNS, ...rows.map(cells)].map((line) => `${line.map(quote).join(',')}\n`).join(''));
    case 'jsonl':
      return Buffer.from(rows.map((row) => `${JSON.stringify(toObject(row))}\n`).join(''));
  }
}

function encodeParquet(rows: readonly SampleRow[]): Buffer {
  const [time, id, tenant, method, uri, status, bytes] = COLUMNS as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const columnData = [
    { name: time, data: rows.map((row) => row.time), type: 'TIMESTAMP' as const },
    { name: id, data: rows.map((row) => row.id), type: 'STRING' as const },
    { name: tenant, data: rows.map((row) => row.tenant), type: 'STRING' as const },
    { name: method, data: rows.map((row) => row.method), type: 'STRING' as const },
    { name: uri, data: rows.map((row) => row.uri), type: 'STRING' as const },
    { name: status, data: rows.map((row) => BigInt(row.status)), type: 'INT64' as const },
    { name: bytes, data: rows.map((row) => BigInt(row.bytes)), type: 'INT64' as const },
  ].map((column) => ({ ...column, nullable: false }));
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

function cells(row: SampleRow): (string | number)[] {
  return [clickHouseTime(row.time), row.id, row.tenant, row.method, row.uri, row.status, row.bytes];
}

function toObject(row: SampleRow): Record<string, string | number> {
  const values = cells(row);
  return Object.fromEntries(COLUMNS.map((name, index) => [name, values[index] as string | number]));
}

/** `2026-01-01 00:00:00.000`, in UTC. */
function clickHouseTime(time: Date): string {
  return time.toISOString().replace('T', ' ').replace('Z', '');
}

function quote(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
