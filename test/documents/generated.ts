/** The documents that are written, whole or in part, from what the code works by. */
import { exampleFile } from './example-file.js';
import { manPage } from './man-page.js';
import { configurationPage, metricsPage } from './tables.js';

/** What makes each document, by its path, from the text that it has now. */
export const GENERATED: Readonly<Record<string, (text: string) => string>> = {
  'etc/atd-ingestion.yaml': () => exampleFile(),
  'etc/man/atd-ingestion.1': () => manPage(),
  'docs/configuration.md': configurationPage,
  'docs/metrics.md': metricsPage,
};
