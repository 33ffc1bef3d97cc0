/** Posts one message. What it says of a failure never has the address in it, which is a secret. */

export type Posted =
  | { readonly kind: 'taken' }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      /** Whether another try may end otherwise. */
      readonly isForGood: boolean;
    };

/** Nobody waits for it, and a connection is held that long. */
const TIMEOUT_MS = 10_000;

/** @param signal ends it early */
export async function post(webhook: string, body: string, signal: AbortSignal): Promise<Posted> {
  try {
    const response = await fetch(webhook, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Connection: 'close' },
      body,
      // Another place than the one that was named may be anybody's.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    // Whatever it says, and for however long.
    void response.body?.cancel().catch(() => undefined);
    return judge(response.status);
  } catch (error) {
    return { kind: 'refused', reason: reasonOf(error), isForGood: false };
  }
}

function judge(status: number): Posted {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (status >= 300 && status < 400)
    return { kind: 'refused', reason: `it answers ${status} and sends on elsewhere; name that place`, isForGood: true };
  const isForGood = status < 500 && status !== 408 && status !== 425 && status !== 429;
  return { kind: 'refused', reason: `it answers ${status}`, isForGood };
}

/** By name and code alone: texts quote the address. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as { readonly name?: unknown; readonly cause?: { readonly code?: unknown } };
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  return typeof cause?.code === 'string' ? `no connection (${cause.code})` : 'no connection';
}
