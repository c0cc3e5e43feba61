import type { Command } from 'commander';
import { realClock } from '../gateway/real-host.ts';
import { createRandom } from '../simulator/random.ts';
import { createCity } from '../simulator/sentilo/city.ts';
import { CITY_FAULTS, FaultSwitch } from '../simulator/sentilo/fault-switch.ts';
import { defaultWorld, type World } from '../simulator/sentilo/world.ts';
import type { ServedRequest } from '../simulator/wire/sentilo-server.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { openKeptCity } from './kept-city.ts';
import { runUntilSignal } from './life.ts';
import { count } from './messages/count.ts';
import { text } from './messages/sim-sentilo.ts';
import { portNumber } from './port-number.ts';
import { say } from './say.ts';
import { listenOrSay, readWorld, serveOrSay } from './simulated-city.ts';
import { fitted } from './table.ts';

const PORT_DEFAULT = 8081;

interface SimSentiloOptions {
  readonly port: number;
  readonly host: string;
  readonly world?: string;
  readonly controlPort: number;
  readonly keep?: string;
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
    .option(
      '--control-port <port>',
      'port at which its faults are switched, on this machine only; 0 takes any free one and prints it',
      portNumber,
      0,
    )
    .option('--keep <file>', 'keep there what it holds, and start with it; without it nothing is left behind')
    .option('--log', 'print a line for each request: when, what, status, time, bytes, who')
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
  barri sim sentilo --port 0 --json

An order to an actuator, which must be registered, as it is in this world, from
somebody whose orders the site carrer-demo takes (orders_from):
  barri sim sentilo --world examples/world.yaml
  curl -X PUT -H 'IDENTITY_KEY: street-console-token' \\
    -d '{"order":"{\\"set\\":\\"on\\",\\"for\\":\\"1min\\"}"}' \\
    http://127.0.0.1:8081/order/makers-poblenou/carrer-demo-light-switch

To try \`barri sentilo plan\` and \`apply\` on it, write its address into a site
(sentilo: url: http://127.0.0.1:8081), and the token of its provider into the
file beside the site that sentilo.token names:
  mkdir -p secrets
  (umask 077; echo demo-token > secrets/sentilo_token)
  barri sentilo plan school.gateway.yaml

A world in short; examples/world.yaml is a longer one:
  schema: sentilo-world/v1
  entities:
    - { id: makers-poblenou, kind: provider, token: demo-token }
    - { id: street-console, kind: application, token: street-console-token }
  permissions:
    - { source: street-console, target: makers-poblenou, type: WRITE }
  settings: { reject_unknown: false }

Faults are switched at a port of their own, so that they work whatever is wrong
with the other one. "for" ends a fault by itself, "rate" makes it hit a part of
the requests; each answer lists the faults that are on:
  barri sim sentilo --control-port 8082
  curl -d '{"fault":"slow","ms":2000,"for":"30s"}' http://127.0.0.1:8082/faults
  curl -d '{"fault":"status","status":429}' http://127.0.0.1:8082/faults
  curl -d '{"fault":"drop-answer","rate":0.1}' http://127.0.0.1:8082/faults
  curl http://127.0.0.1:8082/faults
  curl -X DELETE http://127.0.0.1:8082/faults
The same port revokes a token, gives it back, or changes it ("token":"another").
The city follows once its token_cache has run out:
  curl -d '{"entity":"makers-poblenou","active":false}' \\
    http://127.0.0.1:8082/entities

Faults:
${Object.entries(CITY_FAULTS)
  .map(([fault, meaning]) => `  ${fault.padEnd(15)} ${meaning}`)
  .join('\n')}

A 429 says that the quota of the hour is used up: a gateway stays away for a
while after this fault has ended; \`barri status\` says how long.`,
    )
    .action((options: SimSentiloOptions) => simSentilo(options, io));
}

async function simSentilo(options: SimSentiloOptions, io: Io): Promise<void> {
  if (options.port !== 0 && options.port === options.controlPort) return say(text.samePort(options.port), io, EXIT.usage);
  const world = options.world === undefined ? defaultWorld() : await readWorld(options.world, io);
  if (world === undefined) return;
  const clock = realClock();
  const city = options.keep === undefined ? createCity(world) : openKeptCity(options.keep, world, io);
  if (city === undefined) return;
  city.restart(clock.wall().ms);
  const faults = new FaultSwitch();
  const trouble = { faults: faults.faults, random: createRandom(Math.round(clock.wall().ms)) };
  const log = requestLog(options, io);
  const server = await serveOrSay(city, { host: options.host, port: options.port, option: '--port', clock, log, trouble }, io);
  if (server === undefined) return;
  const { serveControl } = await import('../simulator/wire/city-control.ts');
  const place = { host: '127.0.0.1', port: options.controlPort, option: '--control-port' };
  const control = await listenOrSay(
    () => serveControl({ ...place, city, faults, clock, changed: server.followFaults }),
    place,
    io,
  );
  if (control === undefined) return await server.close();
  announce({ port: server.port, controlPort: control.port }, world, options, io);
  await runUntilSignal({
    stop: async () => {
      await control.close();
      await server.close();
    },
  });
}

interface Ports {
  readonly port: number;
  readonly controlPort: number;
}

function announce({ port, controlPort }: Ports, world: World, options: SimSentiloOptions, io: Io): void {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const url = `http://${host}:${port}`;
  const control = `http://127.0.0.1:${controlPort}`;
  const providers = world.entities.filter((entity) => entity.kind === 'provider').map((entity) => entity.id);
  if (options.json === true) {
    io.out(`${JSON.stringify({ event: 'listening', url, port, control, providers, world: options.world ?? null })}\n`);
    return;
  }
  const told = (line: string) => io.out(fitted(line, io.columns));
  told(text.listening(url));
  told(text.providers(providers));
  told(options.world === undefined ? text.defaultWorld : text.worldOf(options.world));
  if (options.keep !== undefined) told(text.kept(options.keep));
  // Commands stay whole, to be pasted.
  io.out(text.tryIt(url, providers[0] ?? ''));
  io.out(text.order(url, providers[0] ?? ''));
  io.out(text.faults(control));
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
    else io.out(`${lineOf(request)}\n`);
  };
}

/** When, what, its status, how long it took, how much came and who sent it; `-` for what there was not. */
function lineOf({ wallMs, method, target, status, tookMs, bodyBytes, entity, fault }: ServedRequest): string {
  const words = [new Date(wallMs).toISOString(), method, printable(target), status ?? '-', `${tookMs} ms`];
  return [...words, count(bodyBytes, 'byte'), entity ?? '-', ...(fault === undefined ? [] : [`(${fault})`])].join(' ');
}

/** Whoever can reach the port chooses the target: it must not be able to draw on the terminal. */
function printable(target: string): string {
  return target.replace(/[^!-~]/g, '?');
}
