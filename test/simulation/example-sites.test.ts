// The example sites from what their simulated devices show to the journal and the city, on the production gateway.

import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { exampleSite, withoutItself } from '../support/example-sites.ts';
import { ticksOf, unansweredTicks } from './device-answers.ts';
import { cityComplaints, expectedReadings, journalComplaints } from './expected-readings.ts';
import { runSite, type SiteRun, START_WALL_MS } from './site-run.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A run ends a little after a full minute: what was measured then arrives, and no other poll is due. */
const AFTER_MS = 3_000;

/** Every reading of the journal and of the city is one that a model showed, and every one that a model showed is there. */
function judge(run: SiteRun) {
  const expected = expectedReadings(run);
  const observations = run.records.filter((record) => record.kind === 'observation');
  expect(journalComplaints(expected, observations)).toEqual([]);
  // What the stop itself makes may wait for the next start.
  const dueMs = run.forMs - AFTER_MS / 2;
  const published = expected.filter(({ publish, fromMs }) => publish && fromMs < dueMs);
  const arrived = run.inCity.filter(({ timestampMs }) => timestampMs < START_WALL_MS + dueMs);
  expect(cityComplaints(published, arrived)).toEqual([]);
  expect(run.records.filter(({ kind }) => kind === 'gap')).toEqual([]);
  return expected;
}

interface Site {
  readonly name: string;
  /** A whole day of each is for the deep run. */
  readonly hours: number;
  /** Devices that do not run in this version. */
  readonly skipped: readonly string[];
  /** How many readings are told each so many milliseconds, whatever happens. */
  readonly told: readonly (readonly [count: number, everyMs: number])[];
  /** Readings of which the run shows that they change. */
  readonly changing: readonly string[];
}

const SITES: readonly Site[] = [
  {
    name: 'escola-poblenou',
    hours: 24,
    skipped: [],
    told: [
      [8, MINUTE_MS],
      [3, 5 * MINUTE_MS],
    ],
    changing: ['rain.rain', 'rain.rain_today'],
  },
  {
    name: 'armari-energia',
    hours: 8,
    skipped: [],
    told: [
      [19, 15_000],
      [2, MINUTE_MS],
      [3, 5 * MINUTE_MS],
    ],
    changing: ['cabinet_door.closed', 'flat_1.energy_in', 'flat_2.energy_in', 'flat_3.energy_in'],
  },
  {
    name: 'carrer-demo',
    hours: 2,
    skipped: [],
    told: [
      [15, 5_000],
      [2, 30_000],
    ],
    changing: ['door.closed', 'flat_1.energy_in', 'flat_2.energy_in'],
  },
];

test.each(SITES)(
  '$name: every reading is what the device model showed, and none is missing or there twice',
  async ({ name, hours, skipped, told, changing }) => {
    const config = withoutItself(await exampleSite(name));
    expect([...config.skipped.keys()]).toEqual(skipped);
    const run = await runSite(config, (process.env['BARRI_DEEP'] === '1' ? 24 : hours) * HOUR_MS + AFTER_MS);
    for (const device of config.devices.values()) expect(unansweredTicks(run, device), device.id).toEqual([]);
    const expected = judge(run);
    const least = told.reduce((sum, [count, everyMs]) => sum + count * Math.floor(run.forMs / everyMs), 0);
    expect(expected.length).toBeGreaterThanOrEqual(least);
    for (const channel of changing) {
      const values = expected.filter((one) => one.channel === channel).map(({ value }) => value);
      expect(new Set(values).size, channel).toBeGreaterThanOrEqual(2);
    }
  },
  180_000,
);

test('a silent meter, noise on another one and a city that is away cost what was not answered, and nothing else', async () => {
  const config = await exampleSite('armari-energia');
  const silent: Fault = { at: 'device', device: 'flat_1', kind: 'silent', rate: 1, fromMs: 20 * MINUTE_MS, toMs: 80 * MINUTE_MS };
  const run = await runSite(config, 3 * HOUR_MS + AFTER_MS, [
    silent,
    { at: 'device', device: 'flat_2', kind: 'noise', rate: 0.3, fromMs: 10 * MINUTE_MS, toMs: 170 * MINUTE_MS },
    { at: 'city', kind: 'refuse', rate: 1, fromMs: 30 * MINUTE_MS, toMs: 150 * MINUTE_MS },
  ]);
  judge(run);
  for (const device of config.devices.values()) {
    const missed = unansweredTicks(run, device);
    if (device.id !== silent.device) expect(missed, device.id).toEqual([]);
    else {
      const inVain = ticksOf(device, run.forMs).filter((dueMs) => silent.fromMs <= dueMs && dueMs < silent.toMs);
      // It is seen within a minute of its return, and from then on polled as before.
      const backMs = run.samples.get('flat_1.voltage')?.find(({ atMs }) => atMs >= silent.toMs)?.atMs ?? Number.NaN;
      expect(backMs).toBeLessThan(silent.toMs + MINUTE_MS);
      const late = missed.filter((dueMs) => dueMs >= silent.toMs);
      expect(missed).toEqual([...inVain, ...late]);
      for (const dueMs of late) expect(dueMs).toBeLessThan(backMs - device.everyMs);
    }
  }
}, 60_000);
