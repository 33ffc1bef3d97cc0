/** A connection that notes the name of its last insert, by which ClickHouse's query log has it. */
import type { Connect } from './clickhouse/client.js';

export interface Inserted {
  /** Left out where nothing was inserted. */
  queryId?: string;
}

export function noting(connect: Connect, inserted: Inserted): Connect {
  return (connection) => {
    const clickhouse = connect(connection);
    const onQueryId = (id: string): void => {
      inserted.queryId = id;
    };
    return {
      ...clickhouse,
      insert: (statement, body, settings, options) =>
        clickhouse.insert(statement, body, settings, { ...options, onQueryId }),
    };
  };
}
