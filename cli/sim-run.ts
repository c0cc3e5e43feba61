import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config, MqttConfig } from '../config/config.ts';
import { openGateway } from '../gateway/gateway.ts';
import type { Host } from '../gateway/host.ts';
import { jsonLog } from '../gateway/log.ts';
import { loadModules } from '../gateway/modules.ts';
import { realClock, realHost } from '../gateway/real-host.ts';
import { simulatedBuses } from '../simulator/buses.ts';
import { simulatedBroker } from '../simulator/mqtt/broker.ts';
import { pacedClock } from '../simulator/paced-clock.ts';
import { createRandom } from '../simulator/random.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { someTime } from './length-of-time.ts';
import { runUntilSignal } from './life.ts';
import { liveView } from './live-view.ts';
import { text } from './messages/live.ts';
import { portNumber } from './port-number.ts';
import { logLevelOption, sayLost, startOrSay } from './run.ts';
import { say } from './say.ts';
import { type CityPlace, isOnThisMachine, openSimulatedCity, SIMULATED_TOKEN } from './simulated-city.ts';
import { siteToRun } from './site.ts';
import { claimFolder, simulatedSinceMs, stateFolder, stateOption } from './state-folder.ts';
import { stopGateway } from './stop-gateway.ts';
import { fitted, labelled } from './table.ts';

/** Port of a Sentilo server. */
const CITY_PORT_DEFAULT = 8081;
/** After so long the meters of a simulated world that is started again stand at their beginning. */
const WORLD_AGE_MAX_MS = 30 * 86_400_000;

export interface SimRunOptions {
  readonly seed: number;
  readonly speed: number;
  readonly for?: number;
  readonly start?: number;
  readonly state?: string;
  readonly city?: string;
  readonly broker?: string;
  readonly cityPort: number;
  readonly world?: string;
  readonly trace?: boolean;
  readonly json?: boolean;
  readonly logLevel: 'debug' | 'info' | 'warning' | 'error';
}

/** Adds `barri sim run`. */
export function addSimRun(sim: Command, io: Io): void {
  sim
    .command('run')
    .description('Run a site with simulated devices and a simulated city: the same file, the same gateway, no hardware.')
    .argument('<site>', 'site file')
    .option('--seed <number>', 'the same seed gives the same devices and the same noise', wholeNumber, 1)
    .option(
      '--speed <factor>',
      'let time run faster, to watch; devices that then answer late are this machine’s doing',
      positiveNumber,
      1,
    )
    .addOption(
      new Option('--for <time>', 'run so much simulated time as fast as possible, then print what happened (24h, 10min)')
        .argParser(someTime('--for'))
        .conflicts(['speed', 'state', 'city', 'cityPort', 'broker']),
    )
    .option('--start <time>', 'with --for: the time at the start, like 2026-03-29T00:00:00Z', moment)
    .addOption(stateOption('where the journal is kept (default: ~/.local/state/barri/simulated-<gateway>)'))
    .option('--city <url>', 'send to a simulated Sentilo that runs already on this machine (barri sim sentilo)')
    .option('--broker <url>', 'send to an MQTT broker on this machine, without a login; without it the broker is simulated')
    .option('--city-port <port>', 'port of the simulated Sentilo; 0 takes any free one', portNumber, CITY_PORT_DEFAULT)
    .option('--world <file>', 'what the simulated Sentilo knows (default: every sensor of the site)')
    .option('--trace', 'with --for: print every event on the error output')
    .option('--json', 'print JSON: log lines, or with --for one object')
    .addOption(logLevelOption(io))
    .addHelpText(
      'after',
      `
Nothing leaves this machine: the city is simulated, at a port where others can
look at it; the broker is simulated within the run, where nobody else can. Only
--broker names a real one, such as a Mosquitto that Home Assistant goes by.
There it has the name and the topics of the site's own gateway: stop that first,
or give the gateway of a copy of the file another id.

With --for, exit code 1 when something is wrong at the end that \`barri status\`
would end with 1 for: a device, an output, the city or the broker. An open alarm
of a rule is shown and is no reason. 2 wrong use, 78 a file that is not valid.

Examples:
  barri sim run examples/sites/carrer-demo.gateway.yaml
  barri sim run examples/sites/carrer-demo.gateway.yaml --for 24h --seed 7
  barri sim run examples/sites/hort-petit.gateway.yaml --broker mqtt://127.0.0.1:1883`,
    )
    .action((site: string, options: SimRunOptions) => simRun(site, options, io));
}

async function simRun(file: string, options: SimRunOptions, io: Io): Promise<void> {
  const loaded = await siteToRun(file, io);
  if (loaded === undefined) return;
  if (options.for === undefined && (options.start !== undefined || options.trace === true)) {
    return say(text.onlyWithFor, io, EXIT.usage);
  }
  if (!isPossible(file, loaded.config, options, io)) return;
  const zeros = [...loaded.config.devices.values()].flatMap(({ id, needs, channels, simulate }) =>
    // What nothing says of the gateway itself is as it really is.
    channels.filter(({ reading }) => needs !== 'gateway' && !simulate.has(reading)).map(({ reading }) => `${id}.${reading}`),
  );
  if (zeros.length > 0) say(text.notSimulated(zeros), io);
  if (options.for !== undefined) {
    const { simulateAndReport } = await import('./simulate.ts');
    return await simulateAndReport(loaded.config, { ...options, for: options.for }, io);
  }
  await runLive(file, loaded.config, options, io);
}

/** Whether what the options ask for can be; else it was said why not. */
function isPossible(file: string, { mqtt }: Config, { city, broker, speed }: SimRunOptions, io: Io): boolean {
  const refused = (message: string) => {
    say(message, io, EXIT.usage);
    return false;
  };
  // Readings would have times that are hours ahead of those who take them.
  if (speed !== 1 && city !== undefined) return refused(text.speedOfOneClock('city', city));
  if (speed !== 1 && broker !== undefined) return refused(text.speedOfOneClock('broker', broker));
  if (broker === undefined) return true;
  if (!isOnThisMachine(broker, 'mqtt:')) return refused(text.brokerNotLocal(broker));
  return mqtt !== undefined || refused(text.noBroker(file));
}

/** Runs in real time (or `speed` times as fast) on the real disk and network, until a signal. */
async function runLive(file: string, config: Config, options: SimRunOptions, io: Io): Promise<void> {
  const folder = stateFolder({
    option: options.state,
    siteFile: file,
    gatewayId: config.gateway.id,
    simulated: true,
    env: io.env,
  });
  const { broker } = options;
  const host = await liveHost(config, options, await simulatedSinceMs(folder), io);
  const place = await openSimulatedCity(config, options, host, io);
  if (place === undefined) return;
  const modules = await loadModules(config);
  const { fatal } = io;
  const start = async () => {
    if (!(await claimFolder(folder, true, io))) return undefined;
    return await openGateway(sendingTo(place, config, broker), host, {
      stateFolder: folder,
      modules,
      fatal,
      token: SIMULATED_TOKEN,
      callbackKey: SIMULATED_TOKEN,
    });
  };
  const gateway = await startOrSay(folder, io, start);
  if (gateway === undefined) return await place.close();
  const isForPeople = options.json !== true;
  if (isForPeople) io.out(startedText(file, { folder, ...place, broker: config.mqtt?.url, ownBroker: broker }, io.columns));
  const stopView = isForPeople ? liveView(gateway, io) : () => {};
  await runUntilSignal({
    outputsSafe: gateway.outputsSafe,
    stop: async () => {
      stopView();
      const lost = await stopGateway(gateway);
      await place.close();
      sayLost(lost, host.log);
      if (isForPeople) io.out(fitted(text.simulationEnded(folder, lost), io.columns));
    },
  });
}

/** What runs, where it keeps its readings, and how to look at it. The commands stay whole, so that they can be pasted. */
function startedText(
  file: string,
  places: CityPlace & { readonly folder: string; readonly broker: string | undefined; readonly ownBroker: string | undefined },
  columns: number,
): string {
  const labels = labelled(text.simulationPlaces(places), { columns, labelWidth: 11 });
  return `${fitted(text.simulationOf(file), columns)}${labels}${text.simulationCommands(places)}\n`;
}

/** The real machine with simulated buses, in a world that has been going on since the first run. */
async function liveHost(config: Config, options: SimRunOptions, sinceMs: number | undefined, io: Io): Promise<Host> {
  const clock = pacedClock(realClock(), options.speed);
  const write = options.json === true ? io.out : () => {};
  const log = jsonLog({ clock, write, level: options.logLevel, journald: false });
  const host = realHost(log);
  const random = createRandom(options.seed);
  const epochWallMs = clock.wall().ms;
  // Walks and integrals are added up from its beginning, so it begins anew now and then.
  const ageMs = Math.max(0, epochWallMs - (sinceMs ?? epochWallMs)) % WORLD_AGE_MAX_MS;
  const buses = await simulatedBuses(config, { clock, random, faults: [], epochWallMs, ageMs });
  // Paced time counts from the start of this process, so its stamps belong to a boot of their own.
  // Simulated readings never reach a real broker, but for one on this machine that was named for them.
  const mqtt = options.broker === undefined ? simulatedBroker(clock).connect : host.mqtt;
  return { ...host, buses, clock, mqtt, bootId: `simulated-${Math.round(clock.wall().ms)}` };
}

/**
 * The site, with the simulated city in the place of the real one: a trial run must never reach the city, nor be reached by it. So it is
 * with a broker that was named, who is not told either what this gateway is to the real one.
 */
function sendingTo(place: CityPlace, site: Config, broker: string | undefined): Config {
  const { sentilo, mqtt } = site;
  const config = mqtt === undefined || broker === undefined ? site : { ...site, mqtt: withoutLogin(mqtt, broker) };
  if (sentilo === undefined) return config;
  const { callback } = sentilo;
  const here = callback && { ...callback, endpoint: `http://localhost:${callback.port}/`, listen: 'localhost' as const };
  return { ...config, sentilo: { ...sentilo, url: place.url, ...(here && { callback: here }) } };
}

function withoutLogin({ prefix, topic, qos, discovery, language }: MqttConfig, url: string): MqttConfig {
  return { url, prefix, topic, qos, language, ...(discovery !== undefined && { discovery }) };
}

// ------------------------------------------------------------------------------------------------------ option values

function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('Give a whole number.');
  return Number(value);
}

function positiveNumber(value: string): number {
  const number = Number(value);
  if (!(number > 0 && Number.isFinite(number))) throw new InvalidArgumentError('Give a number above 0, like 60.');
  return number;
}

function moment(value: string): number {
  const ms = Date.parse(value);
  // A day that does not exist would become another one; a time before the release would be a clock that was never set.
  const isReal = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) && new Date(ms).toISOString().startsWith(value.slice(0, 10));
  if (Number.isNaN(ms) || !isReal) throw new InvalidArgumentError('Give a time like 2026-03-29T00:00:00Z.');
  return ms;
}
