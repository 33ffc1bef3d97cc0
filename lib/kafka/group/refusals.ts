/** What a broker's refusal means. kafkajs wraps some of its errors, and collects others, so all that it may be is looked at. */

/** The coordinator does not know the member, or is not the coordinator: only a new join helps. */
const OVER = [
  'NOT_COORDINATOR_FOR_GROUP',
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'KafkaJSBrokerNotFound',
  'KafkaJSGroupCoordinatorNotFound',
];
const METADATA_TOO_LARGE = ['OFFSET_METADATA_TOO_LARGE', 'INVALID_COMMIT_OFFSET_SIZE'];
/** No join changes these. */
const UNCHANGEABLE = [...METADATA_TOO_LARGE, 'TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED'];

export function isOverForMember(error: unknown): boolean {
  return isOneOf(OVER, error);
}

export function isUnchangeable(error: unknown): boolean {
  return isOneOf(UNCHANGEABLE, error);
}

export function isMetadataTooLarge(error: unknown): boolean {
  return isOneOf(METADATA_TOO_LARGE, error);
}

/** What keeps a user from a group and may be changed while the service waits; null where it is something else. */
export function groupObstacle(error: unknown, groupId: string): string | null {
  const ofUser = userObstacle(error);
  if (ofUser !== null) return ofUser;
  if (isMissingRight(error)) {
    return 'this user may not read the topic (kafka.topic): permit READ on it';
  }
  if (isOneOf(['GROUP_AUTHORIZATION_FAILED'], error)) {
    return `this user may not read with the group ${groupId} (kafka.group_id): permit READ on the group`;
  }
  if (isOneOf(['INCONSISTENT_GROUP_PROTOCOL'], error)) {
    return (
      `the group ${groupId} (kafka.group_id) is in use by members that share no way to assign partitions with this ` +
      'service, as those of another client do: stop them, or choose a group of its own'
    );
  }
  if (isOneOf(['GROUP_MAX_SIZE_REACHED'], error)) {
    return (
      `the group ${groupId} (kafka.group_id) has as many members as its brokers permit (group.max.size): ` +
      'run fewer instances, or have that raised'
    );
  }
  if (isOneOf(['INVALID_SESSION_TIMEOUT'], error)) {
    return (
      'the brokers do not permit this kafka.session_timeout_ms: set one between their group.min.session.timeout.ms and ' +
      'group.max.session.timeout.ms'
    );
  }
  return null;
}

/** Whether the user lacks a right on a topic. */
export function isMissingRight(error: unknown): boolean {
  return isOneOf(['TOPIC_AUTHORIZATION_FAILED'], error);
}

/** Whether a topic may not be used, or is not there. */
export function isLost(error: unknown): boolean {
  return isMissingRight(error) || isOneOf(['UNKNOWN_TOPIC_OR_PARTITION'], error);
}

/** Why the brokers do not take the user, and what to do; null where it is something else. */
export function userObstacle(error: unknown): string | null {
  if (isOneOf(['KafkaJSSASLAuthenticationError', 'UNSUPPORTED_SASL_MECHANISM'], error)) {
    const remedy =
      'check kafka.sasl.mechanism, kafka.sasl.username and the password; kafka.sasl.password_file is read anew each time';
    return `the broker does not take the user: ${(error as Error).message}; ${remedy}`;
  }
  if (isOneOf(['ILLEGAL_SASL_STATE'], error)) {
    return 'the broker asks for no user on this port: use its port for SASL, or leave out kafka.sasl.mechanism';
  }
  return null;
}

interface Wrapped {
  readonly type?: string;
  readonly name?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

function isOneOf(names: readonly string[], error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { type, name, cause, errors = [] } = error as Wrapped;
  if (names.includes(type ?? '') || names.includes(name ?? '') || isOneOf(names, cause)) return true;
  return errors.some((each) => isOneOf(names, each));
}
