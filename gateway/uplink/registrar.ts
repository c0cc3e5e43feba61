import { sleep } from '../../drivers/clock.ts';
import type { Host, Log } from '../host.ts';
import { backOffMs, REFUSED_PACE } from './back-off.ts';
import { type Catalog, CatalogError } from './catalog.ts';
import { type CatalogPlan, planCatalog } from './catalog-plan.ts';
import type { Wanted } from './catalog-wanted.ts';
import type { Gate } from './gate.ts';
import type { HeldSensors } from './held.ts';

/** How often it is looked whether anything is to be done: costs no request. */
const LOOK_MS = 3_000;
/** Gateways that were switched on together compare within this time: a listing costs the catalogue more than readings cost. */
const COMPARE_WITHIN_MS = 60_000;
/** A sensor that is still unknown so long after something was done about it is looked at again: the city may have lost it again. */
const TREAT_AGAIN_MS = 15 * 60_000;
/** And one that the city refuses to create or to send anew: somebody has to do something first. */
const REFUSED_AGAIN_MS = 60 * 60_000;
/** Of a held sensor: the data service does not know it (sentilo.md §1.4). */
const UNKNOWN_SENSOR = '(404.1)';

export interface RegistrarOptions {
  readonly catalog: Catalog;
  readonly wanted: Wanted;
  /** Whether it may create and change. */
  readonly mode: 'check' | 'apply';
  readonly held: HeldSensors;
  readonly gate: Pick<Gate, 'successCount'>;
}

/**
 * Looks after the city's catalogue: compares it once with the site, and again whenever the city does not know a sensor. Of such a
 * sensor that the catalogue lists the data service has lost what it knew; the catalogue is told to send it anew, at most four times
 * an hour (sentilo.md §1.5.10). One that it does not list is registered, where that is allowed, and else named.
 */
export async function keepRegistered(
  host: Pick<Host, 'clock' | 'log' | 'random'>,
  { catalog, wanted, mode, held, gate }: RegistrarOptions,
  signal: AbortSignal,
): Promise<never> {
  const treated = openTreated(host.clock);
  const tellChange = onChange(host.log);
  const compareFromMs = host.clock.monotonicMs() + host.random() * COMPARE_WITHIN_MS;
  let isCompared = false;
  let attempt = 0;

  const tellRefused = (refused: ReadonlyMap<string, string>): readonly string[] => {
    for (const [sensor, words] of refused) tellChange(sensor, 'warning', 'city-sensor-refused', { sensor, words });
    return [...refused.keys()];
  };
  const treat = async (unknown: readonly string[]) => {
    const listed = await catalog.list(signal);
    const known = new Set(listed.map(({ sensor }) => sensor));
    const lost = unknown.filter((sensor) => known.has(sensor));
    // Before anything else that the city may refuse: their readings wait for it.
    const notRenewed = lost.length === 0 ? [] : tellRefused(await catalog.touch(lost, signal));
    const renewed = lost.filter((sensor) => !notRenewed.includes(sensor));
    treated.add(lost, TREAT_AGAIN_MS);
    held.registered(renewed);
    if (renewed.length > 0) host.log('warning', 'city-sensors-renewed', { sensors: renewed });
    const refused = await compare(planCatalog(wanted, listed));
    treated.add(unknown, TREAT_AGAIN_MS);
    treated.add([...notRenewed, ...refused.filter((sensor) => !known.has(sensor))], REFUSED_AGAIN_MS);
  };
  /** Returns what the city refuses. */
  const compare = async (plan: CatalogPlan): Promise<readonly string[]> => {
    if (!needsChange(plan)) return [];
    if (mode === 'apply') {
      const { created, changed, refused } = await catalog.apply(wanted, () => {}, signal);
      held.registered(created);
      const counts = { createdCount: created.length, changedCount: changed.length };
      if (created.length + changed.length > 0) host.log('info', 'city-sensors-registered', counts);
      return tellRefused(refused);
    }
    const { create, changeSensors, changeComponents } = plan;
    const changeCount = changeSensors.length + changeComponents.length;
    tellChange('', create.length > 0 ? 'warning' : 'info', 'city-catalog-differs', {
      missing: create.map(({ sensor }) => sensor),
      changeCount,
    });
    return [];
  };

  for (;;) {
    const holds = held.list();
    treated.forgetBut(held);
    const unknown = holds.filter(({ sensor, words }) => words.includes(UNKNOWN_SENSOR) && !treated.has(sensor));
    const isHeard = gate.successCount > 0 && host.clock.monotonicMs() >= compareFromMs;
    // Not at the same moments as everybody else.
    let waitMs = LOOK_MS * (0.5 + host.random() / 2);
    if ((!isCompared && isHeard) || unknown.length > 0) {
      try {
        await treat(unknown.map(({ sensor }) => sensor));
        isCompared = true;
        attempt = 0;
      } catch (error) {
        if (!(error instanceof CatalogError)) throw error;
        attempt += 1;
        if (attempt === 1) host.log('warning', 'city-catalog-refused', { code: error.problem.code, ...error.problem.parameters });
        waitMs = isTooMuch(error) ? REFUSED_AGAIN_MS : backOffMs(REFUSED_PACE, attempt, host.random());
      }
    }
    await sleep(host.clock, waitMs, signal);
  }
}

/** The catalogue is longer than is read, or than arrives in the time that it is waited for. Each try would have megabytes sent anew. */
function isTooMuch({ problem }: CatalogError): boolean {
  return problem.code === 'S005' || problem.parameters['error'] === 'TOO_SLOW';
}

/** Held sensors that something was done about since they are held, and until when nothing more is. */
function openTreated(clock: Host['clock']) {
  const untilMs = new Map<string, number>();
  return {
    has: (sensor: string) => (untilMs.get(sensor) ?? Number.NEGATIVE_INFINITY) > clock.monotonicMs(),
    add(sensors: readonly string[], forMs: number): void {
      for (const sensor of sensors) untilMs.set(sensor, clock.monotonicMs() + forMs);
    },
    forgetBut(held: Pick<HeldSensors, 'has'>): void {
      for (const sensor of untilMs.keys()) if (!held.has(sensor)) untilMs.delete(sensor);
    },
  };
}

function needsChange({ create, changeSensors, changeComponents }: CatalogPlan): boolean {
  return create.length + changeSensors.length + changeComponents.length > 0;
}

/** Logs what is found again and again only when it is not what was last logged about the same. */
function onChange(log: Log): (about: string, ...line: Parameters<Log>) => void {
  const last = new Map<string, string>();
  return (about, ...line) => {
    const text = JSON.stringify(line);
    if (last.get(about) !== text) log(...line);
    last.set(about, text);
  };
}
