import { promises as fs } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { Host } from '../gateway/host.ts';
import type { City } from '../simulator/sentilo/city.ts';
import { simulatedTokenOf, type World } from '../simulator/sentilo/world.ts';
import type { Place } from '../simulator/wire/listen.ts';
import type { CityServer, ServeOptions } from '../simulator/wire/sentilo-server.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/sim-sentilo.ts';
import { renderProblems } from './render-problems.ts';
import { say } from './say.ts';

/** The token of the provider in a simulated city that is made for a site. */
export const SIMULATED_TOKEN = 'demo-token';
const LOOPBACK = '127.0.0.1';
const LOOPBACK_HOSTS: readonly string[] = [LOOPBACK, 'localhost', '[::1]'];

/** Where a trial run sends its observations. */
export interface CityPlace {
  readonly url: string;
  readonly provider: string;
  readonly token: string;
  /** An output that takes orders of the city, and the token of somebody who may give them. */
  readonly order?: { readonly sensor: string; readonly token: string };
  close(): Promise<void>;
}

/** Opens the simulated Sentilo of a trial run, or takes the one that `--city` names. Undefined when it cannot: then it was said. */
export async function openSimulatedCity(
  config: Config,
  options: { readonly city?: string; readonly cityPort: number; readonly world?: string },
  host: Host,
  io: Io,
): Promise<CityPlace | undefined> {
  const common = { provider: config.sentilo?.provider ?? '', token: SIMULATED_TOKEN };
  if (config.sentilo === undefined) return { ...common, url: '', close: async () => {} };
  if (options.city !== undefined) return cityOnThisMachine(options.city, common, io);
  const { createCity } = await import('../simulator/sentilo/city.ts');
  const { worldForSite } = await import('../simulator/sentilo/world.ts');
  const world = options.world === undefined ? worldForSite(config, SIMULATED_TOKEN) : await readWorld(options.world, io);
  if (world === undefined) return undefined;
  const city = createCity(world, { startedMs: host.clock.wall().ms });
  const place = { host: LOOPBACK, port: options.cityPort, option: '--city-port' };
  const server = await serveOrSay(city, { ...place, clock: host.clock }, io);
  return server && { ...common, ...orderOf(config), url: `http://${LOOPBACK}:${server.port}`, close: () => server.close() };
}

/** An order that can be tried; nothing where no output takes any, or nobody may give one. */
function orderOf({ devices, sentilo }: Config): Pick<CityPlace, 'order'> {
  const taker = [...devices.values()].flatMap(({ outputs }) => outputs).find(({ answers }) => answers !== undefined);
  const [sender] = sentilo?.ordersFrom ?? [];
  if (taker === undefined || sender === undefined) return {};
  return { order: { sensor: taker.sensor, token: sender === sentilo?.provider ? SIMULATED_TOKEN : simulatedTokenOf(sender) } };
}

/** Simulated readings must never reach a real city, so they do not leave this machine. */
function cityOnThisMachine(url: string, common: { provider: string; token: string }, io: Io): CityPlace | undefined {
  if (isOnThisMachine(url)) {
    return { ...common, url: url.replace(/\/$/, ''), close: async () => {} };
  }
  return say(text.notLocal(url), io, EXIT.usage);
}

/** Whether a URL, of this protocol if one is given, leads to this machine. */
export function isOnThisMachine(url: string, protocol?: string): boolean {
  if (!URL.canParse(url)) return false;
  const parsed = new URL(url);
  return LOOPBACK_HOSTS.includes(parsed.hostname) && (protocol === undefined || parsed.protocol === protocol);
}

/** Where something listens, and the option that says so. */
interface ToldPlace extends Place {
  readonly option: string;
}

/** Serves a city and sends its pushes; undefined when it cannot listen: then it was said why. */
export async function serveOrSay(city: City, serve: ServeOptions & ToldPlace, io: Io): Promise<CityServer | undefined> {
  const { serveCity } = await import('../simulator/wire/sentilo-server.ts');
  const { sendPushes } = await import('../simulator/wire/push-sender.ts');
  const server = await listenOrSay(() => serveCity(city, serve), serve, io);
  if (server === undefined) return undefined;
  const delivery = sendPushes(city, serve.clock);
  return {
    ...server,
    close: async () => {
      await server.close();
      await delivery.close();
    },
  };
}

/** What `start` resolves to; undefined when it cannot listen at the place: then it was said why. */
export async function listenOrSay<T>(start: () => Promise<T>, place: ToldPlace, io: Io): Promise<T | undefined> {
  try {
    return await start();
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'EADDRINUSE':
        return say(text.portBusy(place.port, place.option), io, EXIT.tryAgain);
      case 'EACCES':
        return say(text.portForbidden(place.port), io, EXIT.forbidden);
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
        return say(text.addressUnknown(place.host), io, EXIT.usage);
      default:
        throw error;
    }
  }
}

/** Reads a world file; its problems are printed as those of a site are. */
export async function readWorld(file: string, io: Io): Promise<World | undefined> {
  let source: string;
  try {
    source = await fs.readFile(file, 'utf8');
  } catch (error) {
    return say(text.worldUnreadable(file, (error as NodeJS.ErrnoException).code ?? 'unknown'), io, EXIT.config);
  }
  const { loadWorld } = await import('../simulator/sentilo/world.ts');
  const { world, problems } = loadWorld(file, source);
  if (problems.length > 0) io.err(renderProblems(problems, new Map([[file, source]]), io));
  if (world === undefined) io.setExitCode(EXIT.config);
  return world;
}
