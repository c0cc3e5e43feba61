import { describe, expect, test } from 'vitest';
import type { OutputConfig } from '../../config/config.ts';
import { sleep } from '../../drivers/clock.ts';
import { BusError, DeviceError } from '../../drivers/errors.ts';
import { driveAllSafe, type Failure } from '../../gateway/drive-all-safe.ts';
import { TestClock } from '../support/test-clock.ts';

const TIMEOUT_MS = 300;
/** What a stop has. */
const STOP_MS = 2_500;
const OUTPUTS = ['a', 'b', 'c'].map((id) => ({ id, safe: false }) as OutputConfig);

const notAcknowledged = new BusError('no-answer', 'nobody acknowledges');
const timedOut = new BusError('timeout', 'no answer');

/**
 * A device that fails at these steps, in any order: `open`, or the id of an output. What fails takes `failsMs` for it.
 */
function rig(failing: readonly string[] | 'always', { failure = notAcknowledged as Failure, failsMs = 0, wasOpen = false } = {}) {
  const clock = new TestClock();
  const left = failing === 'always' ? [] : [...failing];
  const steps: [string, number][] = [];
  const over = new AbortController();
  const told = new Map<string, Failure | undefined>();
  let isOpen = wasOpen;
  const fails = async (step: string) => {
    steps.push([step, clock.monotonicMs()]);
    const at = left.indexOf(step);
    if (at < 0 && failing !== 'always') return undefined;
    left.splice(at, 1);
    if (failsMs > 0) await sleep(clock, failsMs, new AbortController().signal);
    return failure;
  };
  const drive = async ({ id }: OutputConfig) => {
    if (!isOpen) {
      const error = await fails('open');
      if (error !== undefined) return error;
      isOpen = true;
    }
    return fails(id);
  };
  const device = { clock, isOpen: () => isOpen, drive, told: (id: string, error: Failure | undefined) => told.set(id, error) };
  const driving = driveAllSafe(OUTPUTS, device, over.signal);
  /** Until it ends by itself: after how long. */
  const ended = async () => {
    const tookMs = driving.then(() => clock.monotonicMs());
    await clock.advance(60_000);
    expect(clock.timerCount).toBe(0);
    return await tookMs;
  };
  return { clock, steps, over, told, driving, ended };
}

describe('what did not follow is driven again until it does', () => {
  test.each<[string, readonly string[], boolean]>([
    ['it could not be opened once', ['open'], false],
    ['it could not be opened five times', ['open', 'open', 'open', 'open', 'open'], false],
    ['an output did not follow once', ['a'], true],
    ['each output failed twice', ['a', 'b', 'c', 'a', 'b', 'c'], true],
    ['opening and outputs failed', ['open', 'a', 'open', 'c', 'c'], false],
  ])('%s', async (_what, failing, wasOpen) => {
    const { told, ended } = rig(failing, { wasOpen });
    expect(await ended()).toBeLessThan(STOP_MS);
    expect([...told]).toEqual(OUTPUTS.map(({ id }) => [id, undefined]));
  });

  test('also one of which a frame got lost twice, which costs its time', async () => {
    const { told, ended } = rig(['b', 'b'], { failure: timedOut, failsMs: TIMEOUT_MS, wasOpen: true });
    expect(await ended()).toBeLessThan(STOP_MS);
    expect(told.get('b')).toBeUndefined();
  });

  test('and no other is driven again with it', async () => {
    const { steps, ended } = rig(['b', 'b'], { wasOpen: true });
    await ended();
    expect(steps.map(([step]) => step)).toEqual(['a', 'b', 'c', 'b', 'b']);
  });
});

describe('what never follows keeps nobody for long', () => {
  test.each<[string, Failure, boolean]>([
    ['nobody acknowledges', notAcknowledged, false],
    ['it refuses', new DeviceError('refused', 'not this one'), true],
    ['its port is closed', new BusError('closed', 'no such port'), false],
  ])('%s: two seconds', async (_what, failure, wasOpen) => {
    const { told, ended } = rig('always', { failure, wasOpen });
    expect(await ended()).toBeLessThanOrEqual(STOP_MS);
    expect([...told]).toEqual(OUTPUTS.map(({ id }) => [id, failure]));
  });

  test('one that is not there is opened twice, and not for each of its outputs', async () => {
    const { steps, told, ended } = rig('always', { failure: timedOut, failsMs: TIMEOUT_MS });
    await ended();
    expect(steps).toEqual([
      ['open', 0],
      ['open', TIMEOUT_MS],
    ]);
    expect([...told]).toEqual(OUTPUTS.map(({ id }) => [id, timedOut]));
  });
});

test('when the time for it is over nothing more is driven, nor told', async () => {
  const { clock, steps, over, told, driving } = rig('always', { wasOpen: true });
  await clock.advance(300);
  const before = [steps.length, told.size];
  told.clear();
  over.abort(new Error('its time is over'));
  await driving;
  await clock.advance(10_000);
  expect([steps.length, told.size]).toEqual([before[0], 0]);
  expect(clock.timerCount).toBe(0);
});
