import type { MqttConfig } from '../../config/config.ts';
import type { WallQuality } from '../../drivers/clock.ts';
import type { Commands } from '../../gateway/mqtt/commands.ts';
import type { Announcement } from '../../gateway/mqtt/discovery.ts';
import { openHomeAssistant } from '../../gateway/mqtt/home-assistant.ts';
import { topicsOf } from '../../gateway/mqtt/topics.ts';
import { openMqtt } from '../../gateway/mqtt/uplink.ts';
import type { Observation } from '../../gateway/record.ts';
import type { UplinkTime } from '../../gateway/timekeeper.ts';
import type { Uplink } from '../../gateway/uplink/sentilo.ts';
import { type BrokerOptions, type SimulatedBroker, simulatedBroker } from '../../simulator/mqtt/broker.ts';
import { TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';
import { type Logged, observation, START_WALL_MS } from '../uplink/support.ts';

export const PREFIX = 'barri/corner-01';
const CONFIG: MqttConfig = {
  url: 'mqtt://broker.test',
  prefix: PREFIX,
  topic: `${PREFIX}/{device}/{reading}`,
  qos: 1,
  language: 'en',
};

const NO_COMMANDS: Commands = { take: () => {}, open: async () => {} };

/** `count` observations of one channel, one a second, ending before the start; values count from `first`. */
export function readings(channel: string, count: number, first = 1): Observation[] {
  return Array.from({ length: count }, (_, index) => observation('s', (index - count) * 1000, first + index, { channel }));
}

/** A broker, a clock and a journal around one uplink; `crash` is a kill and a new process. */
export class MqttBench {
  readonly clock = new TestClock({ ms: START_WALL_MS, quality: 'synced' });
  readonly logged: Logged[] = [];
  readonly broker: SimulatedBroker;
  readonly failures: unknown[] = [];
  journal: MemoryJournal;
  login = {};
  random = () => 0.5;
  /** Boots of which nobody knows when they were. */
  readonly untimed = new Set<string>();
  readonly lost = new Set<string>();
  /** When it was, by what a clock said that may not have been set yet. */
  timeOfWall = (wallMs: number) => wallMs;
  /** What Home Assistant is told that there is; without any it is told nothing. */
  announcements: readonly Announcement[] = [];
  quality: WallQuality = 'synced';
  uplink: Uplink | undefined;
  #stop = new AbortController();
  #run: Promise<void> = Promise.resolve();
  #timeListeners: (() => void)[] = [];

  constructor(records: readonly Observation[] = [], options: BrokerOptions = {}) {
    this.journal = new MemoryJournal(records);
    this.broker = simulatedBroker(this.clock, options);
  }

  get time(): UplinkTime {
    return {
      timeOf: ({ boot, wallMs }) => {
        if (this.lost.has(boot)) return { kind: 'lost' };
        return this.untimed.has(boot) ? { kind: 'unknown' } : { kind: 'known', ms: this.timeOfWall(wallMs) };
      },
      boundsOf: () => ({}),
      onChange: (listener) => this.#timeListeners.push(listener),
      waitsForCity: false,
      heardCity: () => {},
    };
  }

  get host() {
    const { clock } = this;
    return {
      clock,
      random: () => this.random(),
      bootId: 'boot',
      log: (level: Logged['level'], code: string, fields?: Logged['fields']) => this.logged.push({ level, code, fields }),
      mqtt: this.broker.connect,
    };
  }

  timeChanged(): void {
    for (const listener of this.#timeListeners) listener();
  }

  async start(): Promise<Uplink> {
    this.#stop = new AbortController();
    this.#timeListeners = [];
    const { host, journal, time, login } = this;
    const common = { config: CONFIG, login, clientId: 'barri-corner-01', topics: topicsOf(CONFIG), commands: NO_COMMANDS };
    const { announcements } = this;
    const told = { host, gateway: 'corner-01', journal, time, topics: common.topics, announcements };
    const homeAssistant = announcements.length === 0 ? {} : { homeAssistant: openHomeAssistant(told) };
    this.uplink = await openMqtt({ ...common, ...homeAssistant, host, journal, time });
    this.#run = this.uplink.run(this.#stop.signal);
    this.#run.catch((error: unknown) => this.failures.push(error));
    return this.uplink;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.clock.run(this.#run);
  }

  /** Kills the process: nothing is durable that was not, and a new one starts. The broker finds out by itself. */
  async crash(): Promise<void> {
    const left = this.journal.crashed();
    this.journal.failing = true;
    this.#stop.abort(new Error('killed'));
    await this.clock.run(this.#run);
    this.journal = left;
    await this.clock.run(this.start());
  }

  async append(...records: readonly Observation[]): Promise<void> {
    await Promise.all(records.map((record) => this.journal.append(record)));
    this.uplink?.notify();
  }

  status() {
    if (this.uplink === undefined) throw new Error('not started');
    return this.uplink.status();
  }

  /** Values that the broker took of one channel, in their order, however often. */
  values(channel: string): number[] {
    const topic = `${PREFIX}/${channel.replace('.', '/')}`;
    return this.broker.taken.filter((each) => each.topic === topic).map(({ payload }) => JSON.parse(payload).value);
  }

  codes(): string[] {
    return this.logged.map(({ code }) => code);
  }
}

/** Each once, in the order in which it came first: what a receiver has that drops what it knows. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** The numbers from 1 to `last`. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
