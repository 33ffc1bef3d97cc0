/** The parts of the service for other settings: all that can fail is done before anything changes. */
import type { Config } from '../../config/load.js';
import type { Engine } from '../../core/engine.js';
import type { Boot } from '../../core/offsets/interruptions.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Adapters } from '../adapters.js';
import { poolForm } from '../adapters.js';
import type { AllowList } from '../allow-list.js';
import { engineSettings, type LoaderProgram } from '../settings.js';
import type { PreparedParts } from './reloads.js';

/** What the service was started with. */
interface Given {
  readonly loader: LoaderProgram;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly boot: Boot | null;
  readonly logger: Logger;
}

interface Parts {
  readonly allowList: AllowList;
  readonly adapters: Pick<Adapters, 'pool' | 'machine'>;
  readonly engine: Pick<Engine, 'follow'>;
  /** The engine may have something to do now. */
  readonly onTaken: () => void;
}

/** @throws AtdError where a part cannot work with these settings */
export async function prepareParts(
  config: Config,
  { loader, environment, boot, logger }: Given,
  { allowList, adapters, engine, onTaken }: Parts,
): Promise<PreparedParts> {
  const takeList = allowList.prepare(config);
  const pool = await adapters.pool.prepare(poolForm(config, loader));
  return {
    discard: pool.discard,
    takeOver: () => {
      logger.setLevel(config.log_level);
      pool.takeOver();
      adapters.machine.set(config.thread_pool_size === 'auto');
      engine.follow(engineSettings(config, loader, environment, boot));
      takeList();
      onTaken();
    },
  };
}
