/**
 * One Kafka broker that asks who it is talked to by: listeners with TLS, with certificates that are right, for another name or
 * expired, one for client certificates, and one for SASL with PLAIN and SCRAM. Who may do what is for an authorizer to say, which
 * lets the test in as `ANONYMOUS` without TLS.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Authority, type Certificate, keyStore } from './certificates.js';
import { Guarded } from './guarded.js';
import { brokerAnswers } from './kafka-admin.js';
import { CLUSTER_ID, freePorts, requireJava, START_TIMEOUT_MS } from './kafka-apache.js';
import { kafkaJars } from './kafka-jars.js';
import { javaArguments, serverProperties } from './kafka-settings.js';

/** What comes in without a certificate or a password of its own is trusted to be the test. */
const LISTENERS = ['PLAINTEXT', 'TLS', 'MTLS', 'OTHERNAME', 'EXPIRED', 'SASL'] as const;
export type Listener = (typeof LISTENERS)[number];

/** All of them are super users but `poor`, who may do nothing before the test says so. */
export const USERS = { plain: 'plain-secret', scram: 'scram-secret', fleeting: 'fleeting-secret', poor: 'poor-secret' };
const RICH = ['ANONYMOUS', 'plain', 'scram', 'fleeting', 'CN=client'];
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';

export interface SecureKafka {
  address(listener: Listener): string;
  /** The authority that signed the broker's certificates, one that did not, and what the right one gave a client. */
  readonly authority: Authority;
  readonly stranger: Authority;
  readonly client: Certificate;
  /** That of SCRAM-SHA-256, as an operator would: by Kafka's own command. */
  changePassword(user: string, password: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param reauthenticateMs how long somebody who came by SCRAM-SHA-256 is believed
 * @throws Error where there is no Java, or the jars cannot be had
 */
export async function startSecureKafka(reauthenticateMs: number): Promise<SecureKafka> {
  const guarded = await Guarded.start('atd-secure-kafka-');
  try {
    await requireJava(guarded);
    const jars = await kafkaJars(guarded, process.env['SANDBOX_KAFKA']?.replace('mock', '') || null);
    const temporary = join(guarded.directory, 'tmp');
    await mkdir(temporary);
    const [controller = 0, ...ports] = await freePorts(LISTENERS.length + 1);
    const address = (listener: Listener) => `127.0.0.1:${ports[LISTENERS.indexOf(listener)]}`;
    const authority = new Authority(guarded.directory, 'authority');
    const stores = {
      TLS: keyStore(authority.issue('broker')),
      OTHERNAME: keyStore(authority.issue('other', { altName: 'DNS:kafka.example' })),
      EXPIRED: keyStore(authority.issue('expired', { days: -1 })),
    };
    const more = {
      ...listenerSettings(address, controller),
      ...tlsSettings({ ...stores, MTLS: stores.TLS, SASL: stores.TLS }, authority),
      ...saslSettings(reauthenticateMs),
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': RICH.map((user) => `User:${user}`).join(';'),
    };
    const properties = join(guarded.directory, 'server.properties');
    const cluster = [{ broker: ports[0] as number, controller }];
    await writeFile(properties, serverProperties(cluster, 0, join(guarded.directory, 'data'), more));
    const java = (main: string, args: readonly string[]) => javaArguments(jars.directory, temporary, main, args);
    const scram = (['256', '512'] as const).flatMap((bits) =>
      Object.entries(USERS).flatMap(([name, password]) => [
        '--add-scram',
        `SCRAM-SHA-${bits}=[name=${name},password=${password}]`,
      ]),
    );
    const format = ['format', '--cluster-id', CLUSTER_ID, '--config', properties, ...scram];
    await guarded.complete('java', java('kafka.tools.StorageTool', format));
    const broker = guarded.run('java', java('kafka.Kafka', [properties]));
    await guarded.ready(broker, START_TIMEOUT_MS, async () =>
      (await brokerAnswers(address('PLAINTEXT'))) ? true : null,
    );
    guarded.release();
    return {
      address,
      authority,
      stranger: new Authority(guarded.directory, 'stranger'),
      client: authority.issue('client'),
      async changePassword(user, password) {
        const credentials = `SCRAM-SHA-256=[password=${password}]`;
        const who = ['--entity-type', 'users', '--entity-name', user];
        const change = ['--bootstrap-server', address('PLAINTEXT'), '--alter', ...who, '--add-config', credentials];
        // Not by the guard, which lets this process end meanwhile.
        await promisify(execFile)('java', java('kafka.admin.ConfigCommand', change));
      },
      stop: () => guarded.stop(),
    };
  } catch (error) {
    await guarded.stop();
    throw error;
  }
}

function listenerSettings(address: (listener: Listener) => string, controller: number) {
  const listeners = LISTENERS.map((name) => `${name}://${address(name)}`).join(',');
  const protocols = LISTENERS.map((name) => {
    if (name === 'PLAINTEXT') return 'PLAINTEXT:PLAINTEXT';
    return `${name}:${name === 'SASL' ? 'SASL_SSL' : 'SSL'}`;
  });
  return {
    listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', ...protocols].join(','),
  };
}

function tlsSettings(stores: Readonly<Record<string, string>>, authority: Authority): Record<string, string> {
  const settings = Object.entries(stores).flatMap(([listener, store]) => {
    const prefix = `listener.name.${listener.toLowerCase()}.ssl`;
    return [
      [`${prefix}.keystore.type`, 'PEM'],
      [`${prefix}.keystore.location`, store],
      [`${prefix}.truststore.type`, 'PEM'],
      [`${prefix}.truststore.location`, authority.file],
      [`${prefix}.client.auth`, listener === 'MTLS' ? 'required' : 'none'],
    ];
  });
  return Object.fromEntries(settings);
}

function saslSettings(reauthenticateMs: number): Record<string, string | number> {
  const prefix = 'listener.name.sasl';
  const users = Object.entries(USERS).map(([name, password]) => `user_${name}="${password}"`);
  return {
    [`${prefix}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${prefix}.plain.sasl.jaas.config`]: `${PLAIN} ${users.join(' ')};`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: SCRAM,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: SCRAM,
    [`${prefix}.scram-sha-256.connections.max.reauth.ms`]: reauthenticateMs,
  };
}
