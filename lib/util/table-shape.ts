/** What may be said of how a table is made, and the columns that it may have beside those of files. What is said becomes a part of a statement, and may not end its place there; ClickHouse judges the rest. */

/** The MergeTree family alone remembers what was inserted. */
export function isEngine(text: string): boolean {
  return /^[A-Za-z]*MergeTree\s*(\(.*\))?$/s.test(text) && isExpression(text);
}

/** Columns and expressions, with commas between them. */
export function isExpression(text: string): boolean {
  const unquoted = text.replace(/'(?:[^'\\]|\\.)*'/gs, "''").replace(/`(?:[^`\\]|\\.)*`/gs, 'name');
  let depth = 0;
  for (const character of unquoted) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth < 0) return false;
  }
  return (
    text.trim() !== '' && depth === 0 && !/["`;#]|--|\/\*/.test(unquoted) && !/'/.test(unquoted.replaceAll("''", ''))
  );
}

/** A name, or a macro of the server such as `{cluster}`. */
export function isCluster(text: string): boolean {
  return /^([\w.-]+|\{\w+\})$/.test(text);
}

/** A column of a table that says where its rows come from. */
export interface ProvenanceColumn {
  readonly name: string;
  /** What it is in a table that is made. */
  readonly definition: string;
  /** Which types it may have in another one. */
  readonly fits: RegExp;
}

/** By this one the rows of a load are found. */
export const LOAD_ID: ProvenanceColumn = {
  name: '_load_id',
  definition: 'UUID',
  fits: /^(?:(?:Nullable|LowCardinality)\()*(?:UUID|String)\)*$/,
};

/** It has a default, for the rows that others insert. It is another one in each attempt. */
export const LOADED_AT: ProvenanceColumn = {
  name: '_loaded_at',
  definition: "DateTime64(3, 'UTC') DEFAULT now64(3)",
  fits: /^(?:(?:Nullable|LowCardinality)\()*Date(?:Time)?(?:32|64)?(?:\(|\)|$)/,
};

export const PROVENANCE: readonly ProvenanceColumn[] = [
  LOAD_ID,
  {
    name: '_file',
    definition: 'LowCardinality(String)',
    fits: /^(?:(?:Nullable|LowCardinality)\()*String\)*$/,
  },
  LOADED_AT,
];

/** Whether partitions, or shards, are by the time of the attempt: in another one ClickHouse does not know a block again. */
export function isByAttempt(key: string): boolean {
  return new RegExp(`(?<!\\w)${LOADED_AT.name}(?!\\w)`).test(key);
}
