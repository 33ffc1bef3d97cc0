/** What people may change over HTTP: each by the part that does it, and noted when it is done. */
import type { ControlAdapter } from '../../control/control-topic.js';
import { pauseOrder, resumeOrder } from '../../control/orders.js';
import type { EngineEvent } from '../../core/events.js';
import type { EngineStatus } from '../../core/status.js';
import type { ApiAnswer, ApiHandlers } from '../../http/api.js';
import type { Wish } from '../../http/wishes.js';
import type { ReloadResult, Reloads } from '../reload/reloads.js';
import { type Acts, signed } from './acts.js';
import { type LetterSources, letterHandlers } from './letters.js';

export interface Changing extends LetterSources {
  readonly control: Pick<ControlAdapter, 'give'>;
  readonly reloads: Pick<Reloads, 'request' | 'scale'>;
  readonly acts: Pick<Acts, 'note' | 'reloaded'>;
  readonly status: () => EngineStatus;
  /** Tells the engine; not in a stop. */
  readonly handle: (event: EngineEvent) => void;
  readonly isStopping: () => boolean;
  readonly now: () => number;
}

/** By those who do not say who reloads. */
const RELOAD_BY = '/api/v1/reload';
const STOPPING: ApiAnswer = { status: 503, body: { error: 'the service is stopping' } };

export function changeHandlers({
  config,
  ledger,
  control,
  reloads,
  acts,
  status,
  handle,
  isStopping,
  now,
}: Changing): Omit<ApiHandlers, 'token' | 'tenants' | 'settings' | 'loads' | 'load'> {
  const note = (act: Parameters<Acts['note']>[0]['act'], subject: string, result: string, wish: Wish) =>
    acts.note({ act, subject, result, ...signed(wish) });
  return {
    ...letterHandlers({ config, acts, ledger }),
    pause: async (tenant, { forMs, ...wish }) => {
      const since = Math.round(now());
      const until = forMs === null ? null : since + forMs;
      const pause = { tenant, since, until, ...signed(wish) };
      await control.give(pauseOrder(pause));
      note('pause', tenant ?? '', until === null ? 'paused' : `paused until ${new Date(until).toISOString()}`, wish);
      return { ...pause, paused: true };
    },
    resume: async (tenant, wish) => {
      await control.give(resumeOrder(tenant));
      note('resume', tenant ?? '', 'resumed', wish);
      return { tenant, paused: false };
    },
    reload: async (wish) => {
      const result = await reloads.request(signed(wish).by || RELOAD_BY);
      acts.reloaded(result, signed(wish));
      return answerReload(result);
    },
    scale: async ({ slots, ...wish }) => {
      const result = await reloads.scale({ slots, ...signed(wish) });
      if (result.kind === 'ignored') return STOPPING;
      if (result.kind === 'refused') return { status: 422, body: { error: result.error } };
      const { before, configured } = result;
      note('scale', '', `${before} -> ${slots} slots`, wish);
      return { status: 200, body: { slots, before, configured } };
    },
    drain: (wish) => {
      if (isStopping()) return STOPPING;
      handle({ type: 'drain-ordered', order: { since: Math.round(now()), ...signed(wish) } });
      note('drain', '', 'ordered', wish);
      const { state, drain } = status();
      return { status: 200, body: { state, drain } };
    },
    join: (wish) => {
      if (isStopping()) return STOPPING;
      const wasDrained = status().drain !== null;
      if (wasDrained) {
        handle({ type: 'drain-ended', by: signed(wish).by });
        note('join', '', 'ordered', wish);
      }
      return { status: 200, body: { state: status().state, drain: null, wasDrained } };
    },
  };
}

function answerReload(result: ReloadResult): ApiAnswer {
  switch (result.kind) {
    case 'taken':
      return { status: 200, body: { changed: result.changed, needRestart: result.needRestart } };
    case 'refused':
      return { status: 422, body: { error: `${result.error}\nthe settings from before hold` } };
    case 'ignored':
      return STOPPING;
  }
}
