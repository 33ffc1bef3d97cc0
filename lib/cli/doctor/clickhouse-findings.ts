/** ClickHouse as the loader will find it: by the client, the arguments and the environment of the bundled one. */
import { readFileSync } from 'node:fs';
import type { Config } from '../../config/load.js';
import { buildCommand, commandTemplate } from '../../core/rules/command.js';
import { type ClickHouse, ClickHouseError, connect } from '../../loader/clickhouse/client.js';
import { quoteIdentifier } from '../../loader/clickhouse/quoting.js';
import { serverFailure } from '../../loader/failures.js';
import type { Connection } from '../../loader/options/connection-options.js';
import { parseRecordsArguments } from '../../loader/options/records-options.js';
import { engineSettings, type LoaderProgram } from '../../service/settings.js';
import type { Job } from '../../types.js';
import { type Finding, ill, unasked, well } from './finding.js';

export async function clickHouseFindings(config: Config, loader: LoaderProgram | null): Promise<Finding[]> {
  if (loader === null) return [unasked('ClickHouse', 'there is no loader')];
  if (!loader.bundled && config.clickhouse.host === null) {
    return [unasked('ClickHouse', 'clickhouse.host is not set, and the loader has its own settings')];
  }
  const connection = connectionOf(config, loader);
  if (typeof connection === 'string')
    return [ill('ClickHouse', connection, 'correct as_cli.additional_args and clickhouse')];
  const { host, port, database, user } = connection;
  const what = `ClickHouse at ${host}:${port}`;
  const clickHouse = connect(connection);
  try {
    const [row] = await clickHouse.rows('SELECT version() AS version');
    const known = well(what, `version ${row?.['version']}, and it takes ${user} in ${database}`);
    return [known, await grantFinding(clickHouse, config, connection)];
  } catch (error) {
    const { message } = serverFailure(error, 'describe-table', 'nothing can be asked', connection);
    return [ill(what, message, 'check clickhouse.host, .port, .database, .user and its password')];
  } finally {
    await clickHouse.close();
  }
}

async function grantFinding(clickHouse: ClickHouse, config: Config, { database, user }: Connection): Promise<Finding> {
  const rights = ['SELECT', 'INSERT', ...(config.auto_create_tables ? ['CREATE TABLE'] : [])].join(', ');
  const what = `rights of ${user} on ${database}`;
  try {
    const answer = await clickHouse.text(`CHECK GRANT ${rights} ON ${quoteIdentifier(database)}.*`, {});
    if (answer.trim() === '1') return well(what, rights);
    return ill(what, `not all of ${rights}`, `GRANT ${rights} ON ${database}.* TO ${user}`);
  } catch (error) {
    const isOld = error instanceof ClickHouseError;
    return unasked(what, isOld ? 'this version of ClickHouse does not tell' : (error as Error).message);
  }
}

/** Or why there is none. */
function connectionOf(config: Config, loader: LoaderProgram): Connection | string {
  const { command } = engineSettings(config, loader, process.env);
  // What else another loader is given need not be an option of this one.
  const additionalArgs = loader.bundled ? command.additionalArgs : [];
  const template = commandTemplate({ ...command, bundled: true, additionalArgs });
  const job = { ...EXAMPLE, table: 'x', file: '/x' };
  const { args, env } = buildCommand(job, 1, template);
  const own = args.slice(args.indexOf('records') + 1);
  const parsed = parseRecordsArguments(own, env, (path) => readFileSync(path, 'utf8'));
  if (parsed.kind === 'request') return parsed.request.connection;
  return parsed.kind === 'invalid' ? parsed.reason : 'the loader is asked for its help alone';
}

const EXAMPLE: Omit<Job, 'table' | 'file'> = {
  ...{ id: '', topic: '', partition: 0, offset: 0, index: 0, tenant: null, lane: 'normal', format: null },
  ...{ bytes: 0, timestamp: 0, traceparent: null },
};
