// The example site on a simulated machine whose card can begin to refuse, with a simulated city, and what a bystander sees of both.

import type { Config } from '../../config/config.ts';
import { type Gateway, openGateway } from '../../gateway/gateway.ts';
import { type Disk, DiskError, type LogLevel } from '../../gateway/host.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { loadModules, type Modules } from '../../gateway/modules.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import type { DiskOperation, Fault } from '../../simulator/faults.ts';
import { type SimulatedMachine, simulatedMachine } from '../../simulator/host.ts';
import type { Power } from '../../simulator/power.ts';
import { createRandom } from '../../simulator/random.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { turn } from '../../simulator/wire/turn.ts';
import { type InCity, readStored } from './comparison.ts';

const STATE_FOLDER = '/state';
const TOKEN = 'demo-token';
const SEED = 5;
export const START_WALL_MS = Date.UTC(2026, 2, 29);

/** How a card refuses: the operations that fail, which openings of files do, and what the operating system says then. */
export interface Refusal {
  readonly code: string;
  readonly operations: readonly DiskOperation[];
  /** `write`: of a file that is there, for writing; `create`: of one that is not. */
  readonly openings: readonly ('write' | 'create')[];
}

interface Line {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly code: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** One run of the site. Times are milliseconds of the world since its start; the gateway is killed and started again by the caller. */
export class CardWorld {
  readonly clock = new VirtualClock(START_WALL_MS, turn);
  readonly disk: SimulatedDisk;
  /**
   * Every byte that went over a bus, with its time: what measuring is. Not those during a stop, which takes as long as the card
   * takes for what is left.
   */
  readonly wires: string[] = [];
  readonly lines: Line[] = [];
  readonly fatal: unknown[] = [];
  /** When the card first refused something. */
  firstRefusedMs: number | undefined;
  #isStopping = false;
  readonly #config: Config;
  readonly #city: City;
  readonly #machine: SimulatedMachine;
  #modules: Modules | undefined;
  #refusal: Refusal | undefined;
  #running: { readonly gateway: Gateway; readonly power: Power } | undefined;

  constructor(config: Config, faults: readonly Fault[] = []) {
    this.#config = config;
    this.disk = new SimulatedDisk({ clock: this.clock, random: createRandom(SEED), syncMs: 8 });
    this.#watchDisk();
    this.#city = createCity(worldForSite(config, TOKEN));
    this.#machine = simulatedMachine({
      config,
      seed: SEED,
      startWallMs: START_WALL_MS,
      clock: this.clock,
      disk: this.#card(),
      http: cityHttp(this.#city, this.clock.ofTheWorld(), { faults, latencyMs: 40, random: createRandom(SEED) }),
      log: (level, code, fields) => this.lines.push({ atMs: this.clock.monotonicMs(), level, code, fields }),
      trace: { trace: this.#trace(), stateFolder: STATE_FOLDER },
    });
  }

  async start(): Promise<void> {
    const { host, power } = await this.#machine.boot();
    this.#modules ??= await loadModules(this.#config);
    const fatal = (error: unknown) => this.fatal.push(error);
    const options = { stateFolder: STATE_FOLDER, modules: this.#modules, token: TOKEN, fatal };
    this.#isStopping = false;
    this.#running = { gateway: await this.clock.run(openGateway(this.#config, host, options)), power };
  }

  get gateway(): Gateway {
    if (this.#running === undefined) throw new Error('the gateway does not run');
    return this.#running.gateway;
  }

  /** The process is gone between two instructions. What it wrote stays with the operating system, durable or not. */
  kill(): void {
    this.#running?.power.cut();
    this.#running = undefined;
  }

  /** The power goes: what was not durable is lost as well. */
  cutPower(): void {
    this.kill();
    this.disk.crash();
    this.#watchDisk();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.clock.run(this.gateway.stop());
    this.#running = undefined;
  }

  refuse(refusal: Refusal | undefined): void {
    this.#refusal = refusal;
  }

  inCity(): readonly InCity[] {
    return this.#city.observations(this.#config.sentilo?.provider ?? '');
  }

  /** What the journal holds, read by itself. */
  stored(): Promise<StoredRecord[]> {
    return this.clock.run(readStored(this.disk, `${STATE_FOLDER}/journal`, this.clock));
  }

  #watchDisk(): void {
    this.disk.fault = (operation) => (this.#refusal?.operations.includes(operation) ? this.#refused() : undefined);
  }

  #refused(): string | undefined {
    this.firstRefusedMs ??= this.clock.monotonicMs();
    return this.#refusal?.code;
  }

  /** The simulated disk knows what fails, but not for what a file is opened. */
  #card(): Disk {
    const { disk } = this;
    return {
      readDir: (path) => disk.readDir(path),
      mkdir: (path) => disk.mkdir(path),
      size: (path) => disk.size(path),
      freeBytes: () => disk.freeBytes(),
      rename: (from, to) => disk.rename(from, to),
      unlink: (path) => disk.unlink(path),
      fsyncDir: (path) => disk.fsyncDir(path),
      open: async (path, mode) => {
        const opening = mode === 'create' && !disk.paths.includes(path) ? 'create' : 'write';
        if (mode !== 'read' && this.#refusal?.openings.includes(opening)) {
          const code = this.#refused() ?? 'EIO';
          throw new DiskError(code, `open of ${path} failed: ${code}`);
        }
        return await disk.open(path, mode);
      },
    };
  }

  #trace() {
    return {
      hash: () => '',
      eventCount: 0,
      event: (atMs: number, kind: string, about: string, bytes?: Uint8Array) => {
        if (kind.startsWith('bus-') && !this.#isStopping)
          this.wires.push(`${atMs} ${kind} ${about} ${Buffer.from(bytes ?? []).toString('hex')}`);
      },
    };
  }
}
