import type { Config } from '../config/config.ts';
import type { Clock } from '../drivers/clock.ts';
import { type Gateway, openGateway } from '../gateway/gateway.ts';
import type { Disk, Http, Log } from '../gateway/host.ts';
import { loadModules } from '../gateway/modules.ts';
import { VirtualClock } from './clock.ts';
import { SimulatedDisk } from './disk.ts';
import type { Fault } from './faults.ts';
import { simulatedMachine } from './host.ts';
import { type SimulatedPorts, simulatedPorts } from './local.ts';
import { simulatedBroker } from './mqtt/broker.ts';
import { createRandom } from './random.ts';
import { createTrace } from './trace.ts';
import { turn } from './wire/turn.ts';

/** A folder on the simulated disk. */
const STATE_FOLDER = '/state';
/** How long an SD card takes to make something durable. */
const SYNC_MS = 8;

/** A disk that can tell what a power cut leaves. */
type CrashableDisk = Disk & { crash(): void };

export interface SimulationOptions {
  readonly seed: number;
  /** The wall clock at the start, milliseconds since 1970. */
  readonly startWallMs: number;
  /** How long the gateway runs, milliseconds of virtual time. */
  readonly forMs: number;
  /** The city knows the gateway by it, and signs its pushes with it. */
  readonly token: string;
  readonly faults?: readonly Fault[];
  /** Makes the city, whose clock is right whatever becomes of the gateway's; it may ask at the ports of the gateway's machine. */
  readonly http: (clock: Clock, ask: SimulatedPorts['request']) => Http;
  /** Makes the disk; without it an empty one in memory. It must not wait for the clock, which stands still during an opening. */
  readonly disk?: (clock: Clock) => CrashableDisk;
  readonly log?: Log;
  /** Sees the gateway whenever it has been started. */
  readonly started?: (gateway: Gateway) => void;
  /** Takes one line per event, to compare two runs. */
  readonly listing?: (line: string) => void;
}

export interface SimulationResult {
  readonly traceHash: string;
  readonly eventCount: number;
  /** Virtual time from the start to the end of the gateway's stop. */
  readonly virtualMs: number;
  /** How everything was at the end, before the stop. */
  readonly status: ReturnType<Gateway['status']>;
}

/**
 * Runs the production gateway for a while in a simulated world, and stops it. A power fault kills it, loses what was not
 * durable, and starts it again when the power is back. Everything is loaded before time starts.
 * @throws whatever broken invariant of ours the gateway reports as fatal
 */
export async function simulate(config: Config, options: SimulationOptions): Promise<SimulationResult> {
  const { seed, startWallMs, forMs, faults = [], log, token } = options;
  const modules = await loadModules(config);
  const clock = new VirtualClock(startWallMs, turn);
  const trace = createTrace(options.listing);
  const disk = options.disk?.(clock) ?? new SimulatedDisk({ clock, random: createRandom(seed), faults, syncMs: SYNC_MS });
  let ports = simulatedPorts();
  const machine = simulatedMachine({
    config,
    seed,
    startWallMs,
    clock,
    disk,
    http: options.http(clock.ofTheWorld(), (port, request) => ports.request(port, request)),
    serve: (place, handler) => ports.serve(place, handler),
    mqtt: simulatedBroker(clock.ofTheWorld()).connect,
    faults,
    trace: { trace, stateFolder: STATE_FOLDER },
    ...(log === undefined ? {} : { log }),
  });
  let failure: unknown;
  const fatal = (error: unknown) => {
    failure ??= error ?? new Error('the gateway failed without a reason');
  };
  const start = async () => {
    const { host, power } = await machine.boot();
    const keys = { token, callbackKey: token };
    const gateway = await clock.run(openGateway(config, host, { stateFolder: STATE_FOLDER, modules, ...keys, fatal }));
    options.started?.(gateway);
    return { gateway, power };
  };

  let running = await start();
  for (const { fromMs, toMs } of powerCuts(faults, forMs)) {
    await clock.runUntil(fromMs);
    running.power.cut();
    ports = simulatedPorts();
    disk.crash();
    await clock.runUntil(toMs);
    running = await start();
  }
  await clock.runUntil(forMs);
  const status = running.gateway.status();
  await clock.run(running.gateway.stop());
  if (failure !== undefined) throw failure;
  return { traceHash: trace.hash(), eventCount: trace.eventCount, virtualMs: clock.monotonicMs(), status };
}

/** In order of time; those that are not over by the end of the run are left out, since nothing would be there to stop. */
function powerCuts(faults: readonly Fault[], forMs: number): readonly Fault[] {
  return faults.filter(({ at, toMs }) => at === 'power' && toMs <= forMs).sort((a, b) => a.fromMs - b.fromMs);
}
