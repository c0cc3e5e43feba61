// A site with rules on a simulated machine that may lose its process or its power, with a city that has alerts.

import type { Config } from '../../../config/config.ts';
import { type Gateway, openGateway } from '../../../gateway/gateway.ts';
import { HttpError } from '../../../gateway/host.ts';
import { loadModules } from '../../../gateway/modules.ts';
import type { Event, JournalRecord } from '../../../gateway/record.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import { SimulatedDisk } from '../../../simulator/disk.ts';
import type { Fault } from '../../../simulator/faults.ts';
import { type SimulatedMachine, simulatedMachine } from '../../../simulator/host.ts';
import type { Power } from '../../../simulator/power.ts';
import { createRandom } from '../../../simulator/random.ts';
import { type City, createCity } from '../../../simulator/sentilo/city.ts';
import { cityHttp } from '../../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../../simulator/sentilo/world.ts';
import { turn } from '../../../simulator/wire/turn.ts';
import { loadText } from '../../config/site-files.ts';
import { readJournal } from '../../simulation/comparison.ts';

const STATE_FOLDER = '/state';
const TOKEN = 'demo-token';
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** The head of a site with the city of `rule-world.ts`. */
export const CITY = 'sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }\n';

export interface RuleWorldOptions {
  /** The wall clock at the beginning, `2026-03-29T00:00:00Z`. */
  readonly start: string;
  readonly faults?: readonly Fault[];
  /** Until then the answers to alarms are lost, and to nothing else. */
  readonly alarmAnswersLostToMs?: number;
  /** The disk of an earlier world. */
  readonly disk?: SimulatedDisk;
}

/** The configuration of a site whose text lacks its head. */
export async function configOf(text: string): Promise<Config> {
  const { config, problems } = await loadText(`schema: gateway/v1\ngateway: { id: trial }\n${text}`);
  if (config === undefined) throw new Error(`the site has errors: ${JSON.stringify(problems)}`);
  return config;
}

/** One run of a site. Times are milliseconds since its start; the gateway is stopped and started by the caller. */
export class RuleWorld {
  readonly clock: VirtualClock;
  readonly disk: SimulatedDisk;
  readonly city: City | undefined;
  readonly log: string[] = [];
  readonly fatal: unknown[] = [];
  /** Requests about alarms: method and path, with their time. */
  readonly asked: { readonly atMs: number; readonly what: string }[] = [];
  readonly #config: Config;
  readonly #machine: SimulatedMachine;
  readonly #startWallMs: number;
  #host: { readonly host: Parameters<typeof openGateway>[1]; readonly power: Power } | undefined;
  #gateway: Gateway | undefined;

  constructor(config: Config, { start, faults = [], disk, alarmAnswersLostToMs = 0 }: RuleWorldOptions) {
    this.#config = config;
    this.#startWallMs = Date.parse(start);
    this.clock = new VirtualClock(this.#startWallMs, turn);
    this.disk = disk ?? new SimulatedDisk({ clock: this.clock, random: createRandom(1), faults, syncMs: 8 });
    const { sentilo } = config;
    this.city = sentilo && createCity(withAlerts(config));
    const http = this.city && cityHttp(this.city, this.clock.ofTheWorld(), { faults, latencyMs: 40, random: createRandom(1) });
    this.#machine = simulatedMachine({
      config,
      seed: 1,
      startWallMs: this.#startWallMs,
      clock: this.clock,
      disk: this.disk,
      http: async (request, signal) => {
        if (http === undefined) throw new Error('this site has no city');
        const { pathname } = new URL(request.url);
        if (!pathname.startsWith('/alarm')) return http(request, signal);
        const atMs = this.clock.monotonicMs();
        this.asked.push({ atMs, what: `${request.method} ${pathname}` });
        const answer = await http(request, signal);
        if (atMs < alarmAnswersLostToMs && request.method === 'PUT') throw new HttpError('ECONNRESET', true, 'reset');
        return answer;
      },
      faults,
      log: (_level, code) => this.log.push(code),
    });
  }

  /** Starts the gateway, on a machine that is switched on for it where it is not. */
  async start(): Promise<Gateway> {
    this.#host ??= await this.#machine.boot();
    const options = {
      stateFolder: STATE_FOLDER,
      modules: await loadModules(this.#config),
      token: TOKEN,
      callbackKey: TOKEN,
      fatal: (error: unknown) => this.fatal.push(error),
    };
    this.#gateway = await this.clock.run(openGateway(this.#config, this.#host.host, options));
    return this.#gateway;
  }

  get gateway(): Gateway {
    if (this.#gateway === undefined) throw new Error('the gateway does not run');
    return this.#gateway;
  }

  async stop(): Promise<void> {
    await this.clock.run(this.gateway.stop());
    this.#gateway = undefined;
  }

  /** The power goes, and what was not durable is lost. */
  cutPower(): void {
    this.#host?.power.cut();
    this.#host = undefined;
    this.#gateway = undefined;
    this.disk.crash();
  }

  async runTo(atMs: number): Promise<void> {
    await this.clock.runUntil(atMs);
  }

  /** Until the wall clock of the world shows this. */
  async runToWall(time: string): Promise<void> {
    await this.clock.runUntil(Date.parse(time) - this.#startWallMs);
  }

  records(): Promise<JournalRecord[]> {
    return this.clock.run(readJournal(this.disk, `${STATE_FOLDER}/journal`, this.clock));
  }

  /** Events of the journal with these codes: code, the time of the world, and fields. */
  async events(...codes: readonly string[]): Promise<readonly [string, string, Event['fields']][]> {
    const events = (await this.records()).filter((record) => record.kind === 'event');
    return events
      .filter(({ code }) => codes.includes(code))
      .map(({ code, wallMs, fields }) => [code, new Date(wallMs).toISOString().slice(0, 19), fields]);
  }

  /** How an output went, as the observations of its state say: `on` or `off`, and since when. */
  async moves(output: string): Promise<readonly string[]> {
    const states = (await this.records()).filter((record) => record.kind === 'observation' && record.channel === output);
    return states.map((record) => {
      const { value, wallMs } = record as Extract<JournalRecord, { kind: 'observation' }>;
      return `${value === true ? 'on' : 'off'} ${new Date(wallMs).toISOString().slice(0, 19)}`;
    });
  }

  /** The messages that the city has of an alert, the oldest first. */
  messages(alert: string): readonly string[] {
    const answer = this.city?.handle(
      {
        method: 'GET',
        target: `/alarm/${alert}?limit=50`,
        headers: [['IDENTITY_KEY', TOKEN]],
        body: new Uint8Array(),
      },
      this.clock.ofTheWorld().wall().ms,
    );
    const { alarms } = JSON.parse(Buffer.from(answer?.body ?? '').toString()) as { alarms: { message: string }[] };
    return alarms.map(({ message }) => message).toReversed();
  }
}

function withAlerts(config: Config) {
  const world = worldForSite(config, TOKEN);
  const entity = config.sentilo?.provider ?? '';
  const ids = new Set([...(config.sentilo?.alerts.values() ?? [])].filter((id) => !id.startsWith('UNKNOWN')));
  return { ...world, alerts: [...ids].map((id) => ({ id, entity, type: 'EXTERNAL' as const, isActive: true })) };
}
