import { beforeAll, describe, expect, it, test } from 'vitest';
import { storedLines } from '../../cli/render-status.ts';
import type { Config } from '../../config/config.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import type { Gap, Observation } from '../../gateway/record.ts';
import type { Fault } from '../../simulator/faults.ts';
import { carrerDemo } from '../support/carrer-demo.ts';
import { CardWorld, type Refusal, START_WALL_MS } from './card-world.ts';
import { differences, forTheCity, type InCity, NO_DIFFERENCES } from './comparison.ts';
import { expectedText } from './value-text.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const BEGIN_MS = 5 * MINUTE_MS;
const END_MS = 15 * MINUTE_MS;
/** Right after the devices were read, and before that is sent. */
const DEATH_MS = 10 * MINUTE_MS + 500;
const RUN_MS = 25 * MINUTE_MS;
/** Every device is read, and what it gave is to be made durable by then. */
const ROUND_MS = 6 * SECOND_MS;
/** The second that runs when the gateway stops may wait for its end; the next start sends it. */
const DUE_MS = RUN_MS - 5 * SECOND_MS;

const EVERY_WRITE: Refusal = {
  code: 'EIO',
  operations: ['pwrite', 'fdatasync', 'fsyncDir', 'truncate', 'rename', 'unlink'],
  openings: ['create'],
};
const READ_ONLY: Refusal = {
  code: 'EROFS',
  operations: ['pwrite', 'truncate', 'rename', 'unlink'],
  openings: ['write', 'create'],
};
const FULL_FOR_ALL: Refusal = { code: 'ENOSPC', operations: ['pwrite', 'fdatasync'], openings: ['create'] };
/** A full disk takes what is written over, and neither a new file nor a longer one; see also `capacityBytes`. */
const FULL: Refusal = { code: 'ENOSPC', operations: [], openings: ['create'] };
const NO_NETWORK: Fault = { at: 'city', kind: 'refuse', rate: 1, fromMs: BEGIN_MS, toMs: END_MS };
const REFUSALS: readonly [string, Refusal][] = [
  ['EIO for every write, sync and new file', EVERY_WRITE],
  ['EROFS, as when it was mounted read-only', READ_ONLY],
  ['ENOSPC for every write', FULL_FOR_ALL],
];

/** What is measured, by sensor and time; what of it is in the journal or in the city is told by these texts. */
function keyOf({ sensor, wallMs }: Pick<Observation, 'sensor' | 'wallMs'>): string {
  return `${sensor} ${Math.floor(wallMs / SECOND_MS)}`;
}

function keysInCity(stored: readonly InCity[]): ReadonlySet<string> {
  return new Set(stored.map(({ sensor, timestampMs }) => keyOf({ sensor, wallMs: timestampMs })));
}

function observationsOf(stored: readonly StoredRecord[]): Observation[] {
  return stored.flatMap(({ record }) => (record.kind === 'observation' ? [record] : []));
}

function gapsOf(stored: readonly StoredRecord[]): Gap[] {
  return stored.flatMap(({ record }) => (record.kind === 'gap' ? [record] : []));
}

/** Everything about an observation but its place: what two runs have to have in common. */
function measured(stored: readonly StoredRecord[]): string[] {
  return observationsOf(stored)
    .map(({ heldFrom: _place, firstPlace: _first, boot: _boot, ...rest }) => JSON.stringify(rest))
    .sort();
}

function inCityOf({ sensor, wallMs, value, precision }: Observation): InCity {
  return { sensor, timestampMs: Math.floor(wallMs / SECOND_MS) * SECOND_MS, value: expectedText(value, precision) };
}

function isBeforeDeath(wire: string): boolean {
  return Number.parseFloat(wire) < DEATH_MS;
}

/** Whether the city should have it by the end of a run. */
function isDue({ wallMs }: Observation): boolean {
  return wallMs < START_WALL_MS + DUE_MS;
}

/** A run that nothing happens to. */
interface Clean {
  readonly wires: readonly string[];
  readonly lineCount: number;
  readonly stored: readonly StoredRecord[];
  readonly city: readonly string[];
  readonly inCityAtEnd: ReadonlySet<string>;
}

function textsOf(stored: readonly InCity[]): string[] {
  return stored.map(({ sensor, timestampMs, value }) => `${sensor} ${timestampMs} ${value}`).sort();
}

describe('a card that refuses from minute 5 to minute 15', () => {
  let config: Config;
  let clean: Clean;
  beforeAll(async () => {
    config = await carrerDemo();
    const world = new CardWorld(config);
    await world.start();
    await world.clock.runUntil(END_MS);
    const inCityAtEnd = keysInCity(world.inCity());
    await world.clock.runUntil(RUN_MS);
    await world.stop();
    const { wires, lines } = world;
    const city = textsOf(world.inCity());
    clean = { wires, lineCount: lines.length, stored: await world.stored(), city, inCityAtEnd };
    expect(wires.length).toBeGreaterThan(9_000);
    expect(observationsOf(clean.stored).length).toBeGreaterThan(4_500);
  }, 60_000);

  /** Starts the site and lets the card refuse at its time. */
  async function troubled(refusal: Refusal, faults: readonly Fault[] = []): Promise<CardWorld> {
    const world = new CardWorld(config, faults);
    await world.start();
    await world.clock.runUntil(BEGIN_MS);
    world.refuse(refusal);
    return world;
  }

  /** What the city should have at the end of the trouble: what was on its way to the disk when it failed waits, since nobody knows whether it is there. */
  function notArrived(world: CardWorld): string[] {
    const inCity = keysInCity(world.inCity());
    const mayWait = ({ wallMs }: Observation) =>
      Math.abs(wallMs - START_WALL_MS - BEGIN_MS) < ROUND_MS || wallMs > START_WALL_MS + END_MS - ROUND_MS;
    const onItsWay = new Set(observationsOf(clean.stored).filter(mayWait).map(keyOf));
    return [...clean.inCityAtEnd].filter((key) => !inCity.has(key) && !onItsWay.has(key));
  }

  /** The card works again: it is used within a minute. The run goes on to its end. */
  async function expectUsedAgain(world: CardWorld): Promise<void> {
    world.refuse(undefined);
    await world.clock.runUntil(END_MS + MINUTE_MS);
    expect(world.gateway.status().stored.failing).toBeUndefined();
    await world.clock.runUntil(RUN_MS);
    await world.stop();
  }

  /** Measuring was not touched, nobody was flooded with lines, and the journal and the city hold what they would without trouble. */
  async function expectAsIfNothing(world: CardWorld): Promise<void> {
    expect(world.wires).toEqual(clean.wires);
    expect(world.fatal).toEqual([]);
    expect(world.lines.length - clean.lineCount).toBeLessThanOrEqual(10);
    const stored = await world.stored();
    expect(measured(stored)).toEqual(measured(clean.stored));
    expect(gapsOf(stored)).toEqual([]);
    const kept = forTheCity(stored.map(({ record }) => record));
    expect(differences(kept, world.inCity(), START_WALL_MS + DUE_MS)).toEqual(NO_DIFFERENCES);
    expect(textsOf(world.inCity())).toEqual(clean.city);
  }

  // Case jo-06.
  it.each(REFUSALS)(
    'costs nothing (%s): it is said within a second, everything is delivered from memory, and it is used again within a minute',
    async (_how, refusal) => {
      const world = await troubled(refusal);
      for (let atMs = BEGIN_MS; world.firstRefusedMs === undefined; atMs += 100) await world.clock.runUntil(atMs);
      const refusedMs = world.firstRefusedMs;
      expect(refusedMs).toBeLessThan(BEGIN_MS + ROUND_MS);
      await world.clock.runUntil(refusedMs + SECOND_MS);
      expect(world.lines.filter(({ code }) => code === 'journal-failing')).toHaveLength(1);
      expect(world.gateway.status().stored.failing).toMatchObject({ code: refusal.code });
      await world.clock.runUntil(BEGIN_MS + 2 * MINUTE_MS);
      const { stored: status, city } = world.gateway.status();
      expect(storedLines(status).join('\n')).toMatch(
        /the disk (refuses writes|is full) .*kept in memory\n.*there is memory for about \d/,
      );
      expect(city?.state).toBe('ok');

      await world.clock.runUntil(END_MS);
      expect(world.gateway.status().stored.failing).toBeDefined();
      expect(notArrived(world)).toEqual([]);

      await expectUsedAgain(world);
      await expectAsIfNothing(world);
    },
    60_000,
  );

  it.each(REFUSALS)(
    'costs nothing while the network is away, too (%s): everything waits in memory, and arrives',
    async (_how, refusal) => {
      const world = await troubled(refusal, [NO_NETWORK]);
      await world.clock.runUntil(END_MS);
      const duringMs = world.inCity().filter(({ timestampMs }) => timestampMs > START_WALL_MS + BEGIN_MS);
      expect(duringMs).toEqual([]);
      await expectUsedAgain(world);
      await expectAsIfNothing(world);
    },
    60_000,
  );

  it('holds nothing back once the network is there again, however much waits in memory', async () => {
    const backMs = END_MS - 2 * MINUTE_MS;
    const world = await troubled(EVERY_WRITE, [{ ...NO_NETWORK, toMs: backMs }]);
    await world.clock.runUntil(END_MS);
    expect(world.gateway.status().stored.failing?.waitingCount).toBeGreaterThan(1_500);
    expect(notArrived(world)).toEqual([]);
    world.refuse(undefined);
    await world.clock.runUntil(RUN_MS);
    await world.stop();
    await expectAsIfNothing(world);
  }, 60_000);

  test('and is only full needs nothing at all: the pages that are written over are there already', async () => {
    const world = await troubled(FULL);
    world.disk.capacityBytes = world.disk.usedBytes;
    await world.clock.runUntil(END_MS);
    expect(world.gateway.status().stored.failing).toBeUndefined();
    world.refuse(undefined);
    world.disk.capacityBytes = undefined;
    await world.clock.runUntil(RUN_MS);
    await world.stop();
    expect(world.lines.length).toBe(clean.lineCount);
    await expectAsIfNothing(world);
  }, 60_000);

  it.each([
    ['smaller than the usual slots', 1024, undefined],
    ['too small for any', 100, 'ENOSPC'],
  ])(
    'costs the city nothing when it has no room for the journal, since it is %s',
    async (_how, sizeKiB, code) => {
      const world = new CardWorld(config);
      world.disk.capacityBytes = sizeKiB * 1024;
      await world.start();
      await world.clock.runUntil(RUN_MS);
      expect(world.gateway.status().stored.failing?.code).toBe(code);
      await world.stop();
      expect(world.wires).toEqual(clean.wires);
      expect(world.fatal).toEqual([]);
      expect(world.lines.length - clean.lineCount).toBeLessThanOrEqual(10);
      const inCity = keysInCity(world.inCity());
      expect(inCity.size).toBe(world.inCity().length);
      const missing = forTheCity(clean.stored.map(({ record }) => record)).filter(
        (each) => isDue(each) && !inCity.has(keyOf(each)),
      );
      // What was measured before the clock was known to be right is looked at once more only when the disk works.
      expect(missing.filter(({ wallMs }) => wallMs >= START_WALL_MS + SECOND_MS)).toEqual([]);
      if (code === undefined) expect(textsOf(world.inCity())).toEqual(clean.city);
    },
    60_000,
  );

  it('costs what nothing has room for when it is full, the journal is small and the network is away, and all of that is named', async () => {
    const small = { ...config, buffer: { ...config.buffer, maxSizeBytes: 1024 * 1024 } };
    const world = new CardWorld(small, [NO_NETWORK]);
    await world.start();
    await world.clock.runUntil(BEGIN_MS);
    world.refuse(FULL);
    world.disk.capacityBytes = world.disk.usedBytes;
    await world.clock.runUntil(END_MS);
    const { failing, evictedUndeliveredCount } = world.gateway.status().stored;
    expect(failing).toBeUndefined();
    world.refuse(undefined);
    world.disk.capacityBytes = undefined;
    await world.clock.runUntil(RUN_MS);
    await world.stop();

    expect(world.wires).toEqual(clean.wires);
    expect(world.fatal).toEqual([]);
    const ofCard = world.lines.filter(({ code }) => code.startsWith('journal-'));
    expect(ofCard.length).toBeLessThanOrEqual(10);
    expect(ofCard.at(-1)?.code).toBe('journal-sealing-again');
    const stored = await world.stored();
    const gaps = gapsOf(stored);
    const inCity = keysInCity(world.inCity());
    const lost = observationsOf(clean.stored).filter((each) => each.publish && isDue(each) && !inCity.has(keyOf(each)));
    expect(lost.length).toBeGreaterThan(500);
    expect(lost.length).toBeLessThanOrEqual(evictedUndeliveredCount);
    const isNamed = ({ sensor, wallMs }: Observation) =>
      gaps.some(
        ({ sensors, fromWallMs = Number.NaN, toWallMs = Number.NaN }) =>
          sensors?.includes(sensor) === true && fromWallMs <= wallMs && wallMs <= toWallMs,
      );
    expect(lost.filter((each) => !isNamed(each))).toEqual([]);
    // What was delivered and has to go is named as well: it was the neighbourhood's history.
    const inJournal = new Set(observationsOf(stored).map(keyOf));
    const gone = observationsOf(clean.stored).filter((each) => !inJournal.has(keyOf(each)));
    expect(gaps.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(gone.length);
    const kept = forTheCity(stored.map(({ record }) => record));
    expect(differences(kept, world.inCity(), START_WALL_MS + DUE_MS)).toMatchObject({ lost: [], twice: [] });
    expect(textsOf(world.inCity()).filter((each) => !clean.city.includes(each))).toEqual([]);
  }, 60_000);

  it.each(['is killed', 'loses its power'])(
    'costs what was in memory only when the gateway %s meanwhile: it was promised to nobody, and most of it is in the city',
    async (how) => {
      const world = await troubled(EVERY_WRITE);
      await world.clock.runUntil(DEATH_MS);
      const promisedCount = world.gateway.status().measuring.observationCount;
      if (how === 'is killed') world.kill();
      else world.cutPower();
      await world.clock.runUntil(DEATH_MS + 20 * SECOND_MS);
      await world.start();
      await world.clock.runUntil(END_MS);
      expect(world.gateway.status().stored.failing).toBeDefined();
      await expectUsedAgain(world);

      expect(world.fatal).toEqual([]);
      expect(world.wires.filter(isBeforeDeath)).toEqual(clean.wires.filter(isBeforeDeath));
      // Two starts say what one says.
      expect(world.lines.length - 2 * clean.lineCount).toBeLessThanOrEqual(10);
      const stored = await world.stored();
      const inJournal = new Set(observationsOf(stored).map(keyOf));
      const before = observationsOf(clean.stored).filter(({ wallMs }) => wallMs < START_WALL_MS + DEATH_MS);
      const lost = before.filter((each) => !inJournal.has(keyOf(each)));
      // The promises are those of the time before.
      const promised = before.filter(({ wallMs }) => wallMs < START_WALL_MS + BEGIN_MS - ROUND_MS);
      expect(promisedCount).toBeGreaterThan(promised.length);
      expect(before.length - lost.length).toBeGreaterThanOrEqual(promisedCount);
      expect(lost.filter(({ wallMs }) => wallMs < START_WALL_MS + BEGIN_MS)).toEqual([]);
      expect(lost.length).toBeGreaterThan(500);
      // What was on its way to the disk when it failed was not sent, and what was measured last not yet.
      const inCity = keysInCity(world.inCity());
      const gone = lost.filter((each) => each.publish && !inCity.has(keyOf(each)));
      const isLate = ({ wallMs }: Observation) => wallMs >= START_WALL_MS + DEATH_MS - ROUND_MS;
      const isEarly = ({ wallMs }: Observation) => wallMs < START_WALL_MS + BEGIN_MS + ROUND_MS;
      expect(gone.filter((each) => !isLate(each) && !isEarly(each))).toEqual([]);
      // What the journal has is there once, and so is what it lost.
      const kept = forTheCity(stored.map(({ record }) => record));
      const { lost: notArrived, twice } = differences(kept, world.inCity(), START_WALL_MS + DUE_MS);
      expect({ notArrived, twice }).toEqual({ notArrived: [], twice: [] });
      const right = new Set([...clean.city, ...textsOf(kept.map(inCityOf))]);
      expect(textsOf(world.inCity()).filter((each) => !right.has(each))).toEqual([]);
    },
    60_000,
  );
});
