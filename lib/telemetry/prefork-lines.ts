/** What the log says of forking loaders in Python, and once what it would save. */
import type { EngineEvent } from '../core/events.js';
import type { LaunchSetting } from '../types.js';
import type { LogLine } from './log-lines.js';

/** Of CPU before a loader begins: less is not worth a setting. */
const WORTH_MS = 200;

/** What starts another loader than the bundled one, which alone is probed, by executing it; `direct` was chosen on purpose. */
const EXECUTES: ReadonlySet<LaunchSetting> = new Set(['auto', 'launcher']);

const EVENTS = { loaded: 'prefork.loaded', renewed: 'prefork.renewed', off: 'prefork.off' } as const;

/** What became of the process that loaders are forked from. */
export function preforkLine(news: { state: keyof typeof EVENTS; code: string | null; reason: string }): LogLine {
  const { state, ...fields } = news;
  return { level: state === 'off' ? 'warn' : 'info', event: EVENTS[state], fields };
}

export function preforkAdvice(launch: () => LaunchSetting, write: (line: LogLine) => void) {
  let isSaid = false;
  return {
    observe(event: EngineEvent): void {
      if (isSaid || event.type !== 'probed' || !EXECUTES.has(launch())) return;
      const { pythonCpuMs, exitCode } = event.probe;
      if (pythonCpuMs === undefined || pythonCpuMs < WORTH_MS || exitCode !== 0) return;
      isSaid = true;
      const seconds = (pythonCpuMs / 1_000).toFixed(1);
      const advice = `as-cli spends ${seconds} s of CPU before it begins; as_cli.launch: prefork saves it`;
      write({ level: 'info', event: 'prefork.advised', fields: { advice } });
    },
  };
}
