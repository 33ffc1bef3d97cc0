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

/** Half a minute, in which a broker that is busy or has just been started gets around to an answer. */
const PATIENT: RetryOptions = { retries: 10, maxRetryTime: 5_000 };

export async function withAdmin<T>(brokers: readonly string[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(brokers, PATIENT).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Whether a broker at `address` takes requests by now, and knows of `nodes` brokers at least. */
export async function brokerAnswers(address: string, nodes = 1): Promise<boolean> {
  const admin = kafkaClient([address], { retries: 0 }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length >= nodes;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}
