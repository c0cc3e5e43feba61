import { afterAll, describe, expect, it } from 'vitest';
import { type CityScript, SCRIPTS, SECOND_MS, SENSOR_COUNT } from './city-scripts.ts';
import { type Run, runScript, tableOf } from './script-run.ts';

/** Batches in doubt, and one more on each of the two connections. */
const LOOK_UPS_MAX = 64 + 2;

/** What holds of every run, whatever went wrong in it. */
function check(script: CityScript, run: Run): void {
  const { lost, twice, invented, setAsideCount } = run;
  expect(run.readingCount).toBeGreaterThan(50);
  expect({ lostCount: lost.length, setAsideCount, twice, invented }).toEqual({
    lostCount: script.setAsideCount ?? 0,
    setAsideCount: script.setAsideCount ?? 0,
    twice: [],
    invented: [],
  });
  expect(run.inFlightMax).toBeLessThanOrEqual(2);
  expect(run.lookUpMax).toBeLessThanOrEqual(LOOK_UPS_MAX);
  expect(run.heldMax).toBeLessThanOrEqual(SENSOR_COUNT);
  expect(run.busiestHourCount).toBeLessThanOrEqual(script.requestsPerHourMax);
  expect(run.cutRequestCount).toBeGreaterThanOrEqual(script.cutRequestsMin ?? 0);
}

describe('after every trouble with the city each acknowledged reading is there once, without a flood and without a queue that grows', () => {
  const runs: { script: CityScript; run: Run }[] = [];
  afterAll(() => {
    process.stdout.write(`${tableOf(runs)}\n`);
  });

  it.each(SCRIPTS)(
    '$name',
    async (script) => {
      const run = await runScript(script, 1);
      runs.push({ script, run });
      check(script, run);
      const { waitMaxMs } = script;
      if (waitMaxMs === undefined) return;
      expect(run.arrivedCount).toBe(0);
      expect(Math.max(...run.gapsMs)).toBeLessThanOrEqual(waitMaxMs + SECOND_MS);
      // Another gateway of the same neighbourhood comes at other times.
      const another = await runScript(script, 2);
      check(script, another);
      const [longest, others] = [run, another].map(({ gapsMs }) => gapsMs.toSorted((a, b) => b - a).slice(0, 3));
      expect(longest).toHaveLength(3);
      expect(longest?.filter((gapMs) => others?.includes(gapMs))).toEqual([]);
    },
    120_000,
  );
});
