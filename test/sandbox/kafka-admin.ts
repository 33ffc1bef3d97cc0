/** One place that makes kafkajs clients for the sandbox: silent, impatient, and each closed after its use. */
import { type Admin, Kafka, logLevel, type RetryOptions } from 'kafkajs';

/** A client with no retries where `retry` says so; without it, kafkajs' own patience. */
export function kafkaClient(brokers: readonly string[], retry?: RetryOptions): Kafka {
  return new Kafka({
    brokers: [...brokers],
    clientId: 'atd-sandbox',
    connectionTimeout: 30_000,
    logLevel: logLevel.NOTHING,
    ...(retry === undefined ? {} : { retry }),
  });
}

export async function withAdmin<T>(brokers: readonly string[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Whether a broker at `address` takes requests by now. */
export async function brokerAnswers(address: string): Promise<boolean> {
  const admin = kafkaClient([address], { retries: 0 }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}
