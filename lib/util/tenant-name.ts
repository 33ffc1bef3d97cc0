const TENANT = /^[a-z0-9][a-z0-9_]{0,62}$/;

/** A tenant as tables and metrics name it, if it is one: messages and settings may write it otherwise. */
export function tenantNamed(text: string): string {
  return text.trim().toLowerCase();
}

/** Whether it is a tenant as tables and metrics name it: trimmed, and in lower case. */
export function isTenantName(name: string): boolean {
  return TENANT.test(name);
}
