import type { Config } from '../config/config.ts';
import { type Disk, type Host, type Http, type Listen, type Log, type Mqtt, MqttError, type Serve } from '../gateway/host.ts';
import type { Shown } from './bus/world.ts';
import { simulatedBuses } from './buses.ts';
import type { VirtualClock } from './clock.ts';
import { type Fault, onFaultEdges } from './faults.ts';
import { simulatedLock, simulatedPorts, simulatedSockets } from './local.ts';
import { type Power, powerOn } from './power.ts';
import { createRandom } from './random.ts';
import { switchedOutputs } from './switched-outputs.ts';
import { type Trace, tracedDisk, tracedHttp, tracedMqtt, traceFault, traceFrame } from './trace.ts';

export interface SimulatedHostOptions {
  readonly config: Config;
  /** Determines everything that is left to chance. */
  readonly seed: number;
  /** The wall clock at monotonic 0; the same that `clock` was made with. */
  readonly startWallMs: number;
  readonly clock: VirtualClock;
  readonly disk: Disk;
  /** The city; its faults are its own affair. */
  readonly http: Http;
  /** The broker; without it nobody answers at any address. */
  readonly mqtt?: Mqtt;
  readonly faults?: readonly Fault[];
  readonly log?: Log;
  readonly listen?: Listen;
  readonly serve?: Serve;
  /** Takes everything that happens; paths under `stateFolder` are noted relative to it. */
  readonly trace?: { readonly trace: Trace; readonly stateFolder: string };
  /** Sees what the simulated devices show: the values that a perfect gateway would keep. */
  readonly shown?: Shown;
}

/** A simulated machine: one disk, and a host for each time that it is switched on. */
export interface SimulatedMachine {
  /** Switches it on. What ran before must have stopped, or its power must have been cut. */
  boot(): Promise<{ readonly host: Host; readonly power: Power }>;
}

/** A host in which nothing is real, of a machine that is switched on once. */
export async function simulatedHost(options: SimulatedHostOptions): Promise<Host> {
  const { host } = await simulatedMachine(options).boot();
  return host;
}

/**
 * A machine in which nothing is real. The faults of buses, devices and the wall clock happen by themselves at their times;
 * those of the disk and the city are injected by the disk and the city that are given, and the power is the caller's.
 */
export function simulatedMachine(options: SimulatedHostOptions): SimulatedMachine {
  const { config, seed, clock, faults = [], trace, shown } = options;
  const seeded = createRandom(seed);
  const nowMs = () => clock.monotonicMs();
  onFaultEdges(clock, faults, (fault, begins) => {
    if (trace !== undefined) traceFault(trace.trace, nowMs(), fault, begins);
    if (fault.at === 'clock') turnClock(clock, fault, begins);
  });
  const outputs = switchedOutputs();
  let bootCount = 0;
  return {
    boot: async () => {
      bootCount += 1;
      const random = seeded.fork(`boot/${bootCount}`);
      const supply = powerOn(clock);
      const power: Power = {
        ...supply,
        cut: () => {
          supply.cut();
          outputs.allOff(nowMs());
        },
      };
      const buses = await simulatedBuses(config, {
        clock: power.worldClock,
        // The same world at every boot: what the devices measure does not depend on the gateway.
        random: seeded.fork('world'),
        faults,
        outputs,
        epochWallMs: options.startWallMs,
        ...(trace === undefined ? {} : { tap: (frame) => traceFrame(trace.trace, frame) }),
        ...(shown === undefined ? {} : { shown }),
      });
      const http = power.reach(options.http);
      const mqtt = power.reachBroker(options.mqtt ?? nobody);
      const host: Host = {
        clock: power.bootClock,
        buses,
        disk: trace === undefined ? options.disk : tracedDisk(options.disk, trace.trace, nowMs, trace.stateFolder),
        http: trace === undefined ? http : tracedHttp(http, trace.trace, nowMs),
        mqtt: trace === undefined ? mqtt : tracedMqtt(mqtt, trace.trace, nowMs),
        random: random.fork('gateway'),
        log: options.log ?? (() => {}),
        // Nothing survives a power cut that could hold a folder.
        lock: simulatedLock(),
        listen: options.listen ?? simulatedSockets().listen,
        serve: options.serve ?? simulatedPorts().serve,
        threadTurn: async () => {},
        bootId: bootId(random.fork('id')),
      };
      return { host, power };
    },
  };
}

const nobody: Mqtt = ({ url }) => Promise.reject(new MqttError('ECONNREFUSED', `connect ECONNREFUSED ${url}`));

function turnClock(clock: VirtualClock, fault: Extract<Fault, { at: 'clock' }>, begins: boolean): void {
  if (fault.kind === 'unset') clock.setWallKnown(!begins);
  else clock.stepWall(begins ? fault.byMs : -fault.byMs);
}

/** Shaped like the kernel's boot id, a UUID. */
function bootId(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
