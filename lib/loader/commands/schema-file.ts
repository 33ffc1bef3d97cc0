/** The file that `--schema-file` names. */
import { promises as files } from 'node:fs';
import { ExitCode } from '../../errors.js';
import { type Column, parseSchemaFile } from '../clickhouse/columns.js';
import { explainFileError, LoadError, oneLine } from '../failures.js';

export async function readSchemaFile(path: string): Promise<readonly Column[]> {
  const fail = (why: string, remedy: string): LoadError =>
    // Whoever gave it gives it for every file.
    new LoadError(ExitCode.configuration, `cannot use schema file ${path}: ${why}; ${remedy}`, { scope: 'connection' });
  const text = await files.readFile(path, 'utf8').catch((error: unknown) => {
    throw fail(explainFileError(error).why, 'check --schema-file');
  });
  const schema = parseSchemaFile(text);
  if (schema.kind === 'invalid') throw fail(oneLine(schema.reason), 'correct it');
  return schema.columns;
}
