/** Real Kafka and a real ClickHouse engine on this machine, for the tests, the demo and the benchmarks. */
export {
  type ClickHouseSandbox,
  clickHouseUrl,
  startClickHouse,
  startOldClickHouse,
  startOwnClickHouse,
} from './clickhouse.js';
export { type KafkaKind, type KafkaSandbox, startKafka } from './kafka.js';
