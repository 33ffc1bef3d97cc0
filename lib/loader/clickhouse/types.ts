/** ClickHouse's types as text. */

/** The type inside `Nullable` and `LowCardinality`. */
export function baseType(type: string): string {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/s.exec(type)?.[1];
  return inner === undefined ? type : baseType(inner);
}

export function isNullable(type: string): boolean {
  return /^(LowCardinality\()?Nullable\(/.test(type);
}

export function isDateOrTime(type: string): boolean {
  return /^(Date|Date32|DateTime|DateTime64)(\(|$)/.test(baseType(type));
}
