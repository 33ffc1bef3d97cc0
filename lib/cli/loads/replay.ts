/** `atd-ingestion loads replay`: announces files again whose rows were taken out, so that they are loaded under their next generation. */
import type { Message } from 'kafkajs';
import { AtdError, ExitCode } from '../../errors.js';
import { readBounds } from '../../kafka/admin.js';
import { encodeHeaders } from '../../kafka/letter-message.js';
import type { Load } from '../../ledger/load.js';
import { asking } from '../../letters/letter-topic.js';
import { openSender } from '../../sending/sender.js';
import { openSource } from '../letters/source.js';
import { loadSettings, type ParsedOptions } from '../options.js';
import { terminalColumns } from '../terminal.js';
import { rowsLeft } from '../undone/counts.js';
import { raise } from '../undone/generations.js';
import { type LoadTables, openTables } from '../undone/load-tables.js';
import { chosenLoads } from './chosen.js';
import { announcementOf, judgeReplay, onceEach, type ReplayVerdict } from './replay-plan.js';
import { renderReplay, replayReport } from './replay-view.js';
import { withoutLedger } from './undo.js';

/** Messages that are sent together. */
const AT_ONCE = 100;

type Announced = Extract<ReplayVerdict, { kind: 'replay' }>;

export async function replay(options: ParsedOptions): Promise<ExitCode> {
  const { config } = loadSettings(options);
  const tables = openTables(config);
  if (tables === null) throw withoutLedger('replay');
  try {
    const { loads } = await chosenLoads(options, config, tables);
    const source = openSource(config);
    const { topic } = config.kafka;
    const bounds = await asking({ ...source, topic }, () => readBounds(source.kafka, topic));
    const ends = new Map([...bounds].map(([partition, { high }]) => [partition, high]));
    const verdicts = onceEach(await judged(loads, tables, { topic, ends }));
    const isDry = options.values['dry-run'] === true;
    const announced = verdicts.filter((verdict): verdict is Announced => verdict.kind === 'replay');
    if (!isDry && announced.length > 0) {
      const sender = await openSender(source.kafka, config.kafka.bootstrap_servers);
      try {
        for (let from = 0; from < announced.length; from += AT_ONCE) {
          await sender.send(topic, announced.slice(from, from + AT_ONCE).map(messageOf));
        }
      } finally {
        await sender.close();
      }
    }
    const outcome = { verdicts, topic, isDone: !isDry };
    const isJson = options.values['json'] === true;
    process.stdout.write(
      isJson ? `${JSON.stringify(replayReport(outcome))}\n` : renderReplay(outcome, terminalColumns()),
    );
    return verdicts.some(({ kind }) => kind === 'refused') ? ExitCode.crash : ExitCode.ok;
  } finally {
    await tables.close();
  }
}

async function judged(
  loads: readonly Load[],
  tables: LoadTables,
  where: Parameters<typeof judgeReplay>[1],
): Promise<ReplayVerdict[]> {
  const raised = await raise(loads, (ids) => tables.rowsOf(ids));
  const undone = raised.flatMap((one) => one.undone ?? []);
  const left = await rowsLeft(undone, tables);
  return loads.map((load, index) => {
    const next = raised[index];
    if (next === undefined) throw new AtdError('ATD_INTERNAL', `no generation for ${load.loadId}`);
    return judgeReplay({ load, next, rowsLeft: left.get(next.undone?.loadId ?? '') ?? 0 }, where);
  });
}

function messageOf(verdict: Announced): Message {
  const { partition, value, headers } = announcementOf(verdict);
  return { partition, key: null, value, headers: encodeHeaders(headers) };
}
