import type { Config } from '../../config/config.ts';
import type { DigitalOutput } from '../../drivers/bus/gpio.ts';
import { type Gateway, openGateway } from '../../gateway/gateway.ts';
import type { BusFrame, Host, Http, Mqtt } from '../../gateway/host.ts';
import { loadModules } from '../../gateway/modules.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { Fault } from '../../simulator/faults.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { loadText } from '../config/site-files.ts';
import { readJournal } from '../simulation/comparison.ts';
import { START_WALL_MS } from '../simulator/site.ts';

const STATE_FOLDER = '/state';
/** What the city signs its pushes with. */
export const CALLBACK_KEY = 'callback-key';

const nobody: Http = () => Promise.reject(new Error('this site has no city'));

export interface Surroundings {
  readonly faults?: readonly Fault[];
  /** The city; a site with `sentilo:` needs it. */
  readonly http?: (clock: VirtualClock, config: Config) => Http;
  /** The ports of the machine. */
  readonly serve?: Host['serve'];
  /** The broker; a site with `mqtt:` needs it. */
  readonly mqtt?: (clock: VirtualClock) => Mqtt;
  /** Files beside the site's, such as boards of its own, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is really plugged in, where it is not as the site and its boards say. */
  readonly hardware?: (config: Config) => Config;
  /** Of all chance; 1 when absent. */
  readonly seed?: number;
  /** Puts something between the gateway and its machine. */
  readonly between?: (host: Host) => Host;
}

/** The production gateway on a simulated machine, and what a bystander sees of its wires. */
export interface SimulatedGateway {
  readonly clock: VirtualClock;
  readonly gateway: Gateway;
  /** What the gateway sent and received, by the frame tap. */
  readonly frames: readonly BusFrame[];
  /** Every level that an output line was driven to, by whomever, with the monotonic time. */
  readonly levels: readonly { readonly line: number; readonly atMs: number; readonly level: boolean }[];
  /** Every change that an input line reported by itself, with the monotonic time. */
  readonly changes: readonly { readonly atMs: number; readonly level: boolean }[];
  /** Codes of the log's lines, oldest first. */
  readonly log: readonly string[];
  /** Broken invariants that the gateway reported. */
  readonly fatal: readonly unknown[];
  /** Drives an output line as another program would that got hold of it. */
  drive(line: number, level: boolean): Promise<void>;
  /** Another gateway on the same machine and state folder. */
  openAnother(): Promise<Gateway>;
  stop(): Promise<void>;
  /** What the journal holds on the disk, read by itself. */
  records(): Promise<readonly JournalRecord[]>;
}

/** Starts the production gateway with the site that `text` describes, under a virtual clock that begins at 0. */
export async function startSimulated(
  text: string,
  {
    faults = [],
    http,
    serve,
    mqtt,
    seed = 1,
    files = {},
    hardware = (config) => config,
    between = (host) => host,
  }: Surroundings = {},
): Promise<SimulatedGateway> {
  const { config, problems } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${text}`, files);
  if (config === undefined) throw new Error(`the site has errors: ${JSON.stringify(problems)}`);
  const clock = new VirtualClock(START_WALL_MS, turn);
  const disk = new SimulatedDisk({ clock, random: createRandom(seed), faults, syncMs: 8 });
  const log: string[] = [];
  const machine = await simulatedHost({
    config: hardware(config),
    seed,
    startWallMs: START_WALL_MS,
    clock,
    disk,
    http: http?.(clock, config) ?? nobody,
    ...(mqtt && { mqtt: mqtt(clock) }),
    faults,
    log: (_level, code) => log.push(code),
    ...(serve !== undefined && { serve }),
  });
  const wires = watchedLines(between(machine), clock);
  const frames: BusFrame[] = [];
  const fatal: unknown[] = [];
  const options = {
    stateFolder: STATE_FOLDER,
    modules: await loadModules(config),
    token: 'demo-token',
    callbackKey: CALLBACK_KEY,
    tap: (frame: BusFrame) => frames.push({ ...frame, bytes: frame.bytes.slice() }),
    fatal: (error: unknown) => fatal.push(error),
  };
  const gateway = await clock.run(openGateway(config, wires.host, options));
  return {
    clock,
    gateway,
    frames,
    levels: wires.levels,
    changes: wires.changes,
    log,
    fatal,
    drive: wires.drive,
    openAnother: () => openGateway(config, wires.host, options),
    stop: () => clock.run(gateway.stop()),
    records: () => readJournal(disk, `${STATE_FOLDER}/journal`, clock),
  };
}

/** The observations of one channel, `<device>.<reading>`. */
export function observationsOf(records: readonly JournalRecord[], channel: string): Observation[] {
  return records.filter((record) => record.kind === 'observation').filter((each) => each.channel === channel);
}

/** The same host, whose GPIO lines are watched at the level of electricity: nothing of the gateway stands in between. */
function watchedLines(machine: Host, clock: VirtualClock) {
  const levels: { line: number; atMs: number; level: boolean }[] = [];
  const changes: { atMs: number; level: boolean }[] = [];
  const outputs = new Map<number, DigitalOutput>();
  const note = (line: number, level: boolean) => levels.push({ line, atMs: clock.monotonicMs(), level });
  const gpio: Host['buses']['gpio'] = async () => {
    const lines = await machine.buses.gpio();
    return {
      close: () => lines.close(),
      input: (line) => ({
        open: async (options) => {
          const input = await lines.input(line).open(options);
          const watched = async function* (signal: AbortSignal) {
            for await (const level of input.changes(signal)) {
              changes.push({ atMs: clock.monotonicMs(), level });
              yield level;
            }
          };
          return { ...input, changes: watched };
        },
      }),
      output: (line) => ({
        open: async (level) => {
          note(line, level);
          const output = await lines.output(line).open(level);
          const write = async (next: boolean) => {
            note(line, next);
            await output.write(next);
          };
          outputs.set(line, { ...output, write });
          return { ...output, write };
        },
      }),
    };
  };
  const drive = async (line: number, level: boolean) => {
    const output = outputs.get(line);
    if (output === undefined) throw new Error(`nobody has opened GPIO line ${line}`);
    await output.write(level);
  };
  return { host: { ...machine, buses: { ...machine.buses, gpio } }, levels, changes, drive };
}
