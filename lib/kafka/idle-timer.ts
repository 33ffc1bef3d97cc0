/**
 * kafkajs 2.2.4 looks once a millisecond, on every connection and for ever, whether requests wait for the end of a
 * throttling: 6 % of a core each while nothing happens. Here it looks only when there is something to wait for.
 */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

let isStopped = false;

/** Affects all clients of this process. */
export function stopIdleTimer(): void {
  if (isStopped) return;
  isStopped = true;
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };
  const { scheduleCheckPendingRequests } = prototype;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    const hasReason = this.pending.length > 0 || this.throttledUntil > Date.now();
    if (hasReason) scheduleCheckPendingRequests.call(this);
  };
}
