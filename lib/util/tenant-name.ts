const TENANT = /^[a-z0-9][a-z0-9_]{0,62}$/;

/** Whether it is a tenant as tables and metrics name it: trimmed, and in lower case. */
export function isTenantName(name: string): boolean {
  return TENANT.test(name);
}
