/** What people have changed, each with who wanted it and why: one line of the log, and one row of the ledger where there is one. */
import { type Act, actRow } from '../../ledger/act.js';
import type { LedgerRow } from '../../ledger/table.js';
import type { Logger } from '../../telemetry/logger.js';
import type { ReloadResult } from '../reload/reloads.js';

export interface ActSources {
  readonly logger: Pick<Logger, 'write'>;
  readonly instance: string;
  readonly version: string;
  /** Has the ledger keep it. */
  readonly keep: (row: LedgerRow) => void;
  readonly now: () => number;
}

export class Acts {
  readonly #sources: ActSources;

  constructor(sources: ActSources) {
    this.#sources = sources;
  }

  note({ act, subject, result, by, reason }: Omit<Act, 'at'>): void {
    const { logger, instance, version, keep, now } = this.#sources;
    logger.write({ level: 'info', event: 'act.done', fields: { act, subject, result, by, reason } });
    keep(actRow({ act, subject, result, by, reason, at: Math.round(now()) }, instance, version));
  }
  /** What was refused has changed nothing, and stands in the log. */
  reloaded(result: ReloadResult, { by, reason }: Pick<Act, 'by' | 'reason'>): void {
    if (result.kind === 'taken') this.note({ act: 'reload', subject: '', result: reloadInWords(result), by, reason });
  }
}

function reloadInWords({ changed, needRestart }: Extract<ReloadResult, { readonly kind: 'taken' }>): string {
  const names = changed.map((text) => text.replace(/:.*/s, ''));
  const taken = names.length === 0 ? 'nothing changed' : `changed ${names.join(', ')}`;
  return needRestart.length === 0 ? taken : `${taken}; need a restart: ${needRestart.join(', ')}`;
}
