import { promises as fs } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { Host } from '../gateway/host.ts';
import type { World } from '../simulator/sentilo/world.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/live.ts';
import { renderProblems } from './render-problems.ts';

/** The token of the provider in a simulated city that is made for a site. */
export const SIMULATED_TOKEN = 'demo-token';
const LOOPBACK = '127.0.0.1';

/** Where a trial run sends its observations. */
export interface CityPlace {
  readonly url: string;
  readonly provider: string;
  readonly token: string;
  close(): Promise<void>;
}

/** Opens the simulated Sentilo of a trial run, or takes the one that `--city` names. Undefined when it cannot: then it was said. */
export async function openSimulatedCity(
  config: Config,
  options: { readonly city?: string; readonly cityPort: number; readonly world?: string },
  host: Host,
  io: Io,
): Promise<CityPlace | undefined> {
  const provider = config.sentilo?.provider ?? '';
  const common = { provider, token: SIMULATED_TOKEN };
  if (config.sentilo === undefined) return { ...common, url: '', close: async () => {} };
  if (options.city !== undefined) return { ...common, url: options.city.replace(/\/$/, ''), close: async () => {} };
  const { createCity } = await import('../simulator/sentilo/city.ts');
  const { worldForSite } = await import('../simulator/sentilo/world.ts');
  const { serveCity } = await import('../simulator/wire/sentilo-server.ts');
  const world = options.world === undefined ? worldForSite(config, SIMULATED_TOKEN) : await readWorld(options.world, io);
  if (world === undefined) return undefined;
  const city = createCity(world, { startedMs: host.clock.wall().ms });
  try {
    const server = await serveCity(city, { host: LOOPBACK, port: options.cityPort, clock: host.clock });
    return { ...common, url: `http://${LOOPBACK}:${server.port}`, close: () => server.close() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    io.err(text.cityPortBusy(options.cityPort));
    io.setExitCode(EXIT.tryAgain);
    return undefined;
  }
}

/** Reads a world file; its problems are printed as those of a site are. */
export async function readWorld(file: string, io: Io): Promise<World | undefined> {
  let source: string;
  try {
    source = await fs.readFile(file, 'utf8');
  } catch (error) {
    io.err(text.worldUnreadable(file, (error as NodeJS.ErrnoException).code ?? 'unknown'));
    io.setExitCode(EXIT.config);
    return undefined;
  }
  const { loadWorld } = await import('../simulator/sentilo/world.ts');
  const { world, problems } = loadWorld(file, source);
  if (problems.length > 0) io.err(renderProblems(problems, new Map([[file, source]]), io));
  if (world === undefined) io.setExitCode(EXIT.config);
  return world;
}
