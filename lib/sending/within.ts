/** For what a person waits for: the Kafka client's own patience is a service's. */

/** @throws Error that says what did not happen in that time */
export async function withinSeconds<Answer>(seconds: number, what: string, work: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} for ${seconds} s`)), seconds * 1_000);
  });
  // Where it comes too late nobody listens any more.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
