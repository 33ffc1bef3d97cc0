/** Settings of what people are told by, a part of the list in `schema.ts`. */
import { reloadable } from './setting.js';

export const NOTIFY = {
  webhook: reloadable.text(
    null,
    'Where a line is posted when somebody should look, as Slack takes it (`{"text": "…"}`): ClickHouse takes no loads, files are ' +
      'given up, too much waits, a reload was refused. Null for nowhere.',
    { sensitive: true },
  ),
  webhook_file: reloadable.text(null, 'File that holds it; such an address is a secret.'),
  max_lag: reloadable.maybeWhole(
    null,
    1,
    1_000_000_000,
    'Messages that may wait before that is told; null for any number.',
  ),
};

/** Why nothing can be posted there; null where it can. It is not quoted: who knows it may post. */
export function webhookObjection(webhook: string): string | null {
  const url = URL.canParse(webhook) ? new URL(webhook) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    return 'notify.webhook must be an address that begins with https:// or http://';
  // Node's fetch refuses such an address.
  return `${url.username}${url.password}` === ''
    ? null
    : 'notify.webhook must be an address without a user and a password';
}
