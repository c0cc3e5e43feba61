import type { Command } from 'commander';
import { realClock } from '../gateway/real-host.ts';
import { createCity } from '../simulator/sentilo/city.ts';
import { defaultWorld, type World } from '../simulator/sentilo/world.ts';
import type { CityServer, ServedRequest } from '../simulator/wire/sentilo-server.ts';
import type { Io } from './io.ts';
import { runUntilSignal } from './life.ts';
import { count } from './messages/count.ts';
import { text } from './messages/sim-sentilo.ts';
import { portNumber } from './port-number.ts';
import { say } from './say.ts';
import { readWorld, serveOrSay } from './simulated-city.ts';

const PORT_DEFAULT = 8081;

interface SimSentiloOptions {
  readonly port: number;
  readonly host: string;
  readonly world?: string;
  readonly log?: boolean;
  readonly json?: boolean;
}

/** Adds `barri sim sentilo`. */
export function addSimSentilo(sim: Command, io: Io): void {
  sim
    .command('sentilo')
    .description('Serve a simulated Sentilo: every service of release 2.0.0, with its answers, limits and surprises.')
    .option('--port <port>', 'port to listen on; 0 takes any free one and prints it', portNumber, PORT_DEFAULT)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--world <file>', 'what it knows: providers, tokens, permissions, sensors, limits (sentilo-world/v1)')
    .option('--log', 'print a line for each request')
    .option('--json', 'print JSON, one object a line')
    .addHelpText(
      'after',
      `
Without --world it knows the provider makers-poblenou with the token demo-token
and accepts any sensor's data. Data can be published, read back and deleted;
sensors, components and alerts registered, listed, changed and deleted; orders
and alarms sent and read; and whoever subscribes is told of them.

Examples:
  barri sim sentilo --world examples/world.yaml --log
  barri sim sentilo --port 0 --json`,
    )
    .action((options: SimSentiloOptions) => simSentilo(options, io));
}

async function simSentilo(options: SimSentiloOptions, io: Io): Promise<void> {
  const world = options.world === undefined ? defaultWorld() : await readWorld(options.world, io);
  if (world === undefined) return;
  const clock = realClock();
  const city = createCity(world, { startedMs: clock.wall().ms });
  const log = requestLog(options, io);
  const server = await serveOrSay(city, { host: options.host, port: options.port, clock, log }, io);
  if (server === undefined) return;
  announce(server, world, options, io);
  await runUntilSignal({ stop: () => server.close() });
}

function announce(server: CityServer, world: World, options: SimSentiloOptions, io: Io): void {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const url = `http://${host}:${server.port}`;
  const providers = world.entities.filter((entity) => entity.kind === 'provider').map((entity) => entity.id);
  if (options.json === true) {
    io.out(`${JSON.stringify({ event: 'listening', url, port: server.port, providers, world: options.world ?? null })}\n`);
    return;
  }
  io.out(text.listening(url));
  io.out(text.providers(providers));
  io.out(options.world === undefined ? text.defaultWorld : text.worldOf(options.world));
  io.out(text.tryIt(url, providers[0] ?? ''));
  io.out(text.stop);
}

/** Writes what was served, and once for each service that it is not simulated. */
function requestLog(options: SimSentiloOptions, io: Io): (request: ServedRequest) => void {
  const said = new Set<string>();
  return (request) => {
    const { notSimulated: service } = request;
    if (service !== undefined && !said.has(service)) {
      said.add(service);
      say(text.notSimulated(service), io);
    }
    if (options.log !== true) return;
    if (options.json === true) io.out(`${JSON.stringify({ event: 'request', ...request })}\n`);
    else io.out(`${request.method} ${printable(request.target)} ${request.status ?? '-'} ${count(request.bodyBytes, 'byte')}\n`);
  };
}

/** Whoever can reach the port chooses the target: it must not be able to draw on the terminal. */
function printable(target: string): string {
  return target.replace(/[^!-~]/g, '?');
}
