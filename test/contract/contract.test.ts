import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Device, DeviceSpec, Driver } from '../../drivers/driver.ts';
import { BusError, isHardwareError } from '../../drivers/errors.ts';
import { isReading, isTextValue, type MissingReading, type Reading } from '../../drivers/reading.ts';
import { DRIVER_IDS, loadDriver } from '../../drivers/registry.ts';
import { TestClock } from '../support/test-clock.ts';
import { failingAt, noting } from '../support/watched-connection.ts';
import type { DriverFixture } from './fixture.ts';

// Runs over every driver of the registry, so that one that is added later is tested by itself. A driver that has no
// fixture fails here.

const NO_ABORT = new AbortController().signal;
/** No exchange of one read may need more questions than this. */
const QUESTIONS_MAX = 100;

type Results = readonly (Reading | MissingReading)[];
type Call = (device: Device) => Promise<unknown>;

describe.each(DRIVER_IDS)('the driver %s', async (id) => {
  const driver = (await loadDriver(id)) as Driver;
  const file = new URL(`fixtures/${id}.ts`, import.meta.url);
  if (!existsSync(file)) {
    test('has a fixture', () => expect.fail(`write test/contract/fixtures/${id}.ts; see test/contract/fixture.ts`));
    return;
  }
  const { fixture } = (await import(file.href)) as { fixture: DriverFixture };
  const { port } = fixture;
  const own = { ...fixture.spec, with: driver.with.parse(fixture.spec.with) };
  /** What is read and written: the device itself, or what is plugged into it. */
  const user = port === undefined ? driver : ((await loadDriver(port.driver)) as Driver);
  const spec = port === undefined ? own : { ...port.spec, with: user.with.parse(port.spec.with) };
  const place = (connection: ReturnType<DriverFixture['connect']>, clock: TestClock) =>
    port === undefined ? connection : driver.ports?.open(own, clock)(port.id, port.need, connection);
  const open = async (connection: ReturnType<DriverFixture['connect']>, clock: TestClock, readings = spec.readings) => {
    const device = await clock.run(user.open(place(connection, clock) as never, { ...spec, readings }, clock));
    await clock.advance(fixture.readyAfterMs ?? 0);
    return device;
  };
  /** One round as the gateway makes it: what can be written is switched on, and everything is read. */
  const round = async (device: Device, clock: TestClock): Promise<Results> => {
    for (const { id: output } of spec.outputs) await clock.run(Promise.resolve(device.write?.(output, true)));
    return await clock.run(device.read?.(NO_ABORT) ?? Promise.resolve([]));
  };
  const openAndRead = async (answers: readonly Uint8Array[]): Promise<Results> => {
    const clock = new TestClock();
    return round(await open(fixture.connect(answers, clock), clock), clock);
  };

  test('is found by its id', () => {
    expect(driver.id).toBe(id);
  });

  test('gives the expected values, of the wanted readings and of no other', async () => {
    const clock = new TestClock();
    const device = await open(fixture.connect(fixture.answers, clock), clock);
    expectGood(await round(device, clock), spec, fixture);
    expect(clock.timerCount, 'timers left behind').toBe(0);
  });

  test('gives only the readings that the site wants', async () => {
    for (const reading of spec.readings) {
      const clock = new TestClock();
      const device = await open(fixture.connect(fixture.answers, clock), clock, [reading]);
      expect((await round(device, clock)).map((result) => result.id)).toEqual([reading.id]);
    }
  });

  test('plans every wanted reading exactly once', () => {
    const plan = driver.plan(own);
    expect(plan.flatMap(({ readings }) => readings).sort()).toEqual(own.readings.map((reading) => reading.id).sort());
    for (const { writeBytes, readBytes, waitMs } of [...plan, ...(driver.ports?.plan(own) ?? [])]) {
      for (const figure of [writeBytes, readBytes, waitMs]) expect(Number.isFinite(figure) && figure >= 0).toBe(true);
    }
  });

  test('lets a failure of any transaction out as it is, and works again afterwards', async () => {
    for (let at = 1; ; at++) {
      expect(at).toBeLessThan(QUESTIONS_MAX);
      const clock = new TestClock();
      const error = new BusError('timeout', `question ${at} was not answered`);
      const failing = failingAt(fixture.connect(fixture.answers, clock), at, error);
      const attempt = open(failing.connection, clock);
      const device = await attempt.catch(() => undefined);
      if (device === undefined) {
        await expect(attempt).rejects.toBe(error);
        continue;
      }
      const outcome = await round(device, clock).catch((thrown: unknown) => thrown);
      if (!failing.hasFailed()) return;
      const reasons = reasonsOf(outcome);
      expect(reasons.length, `failure of question ${at}`).toBeGreaterThan(0);
      for (const reason of reasons) expect(reason).toBe(error);
      expectGood(await round(device, clock), spec, fixture);
      expect(clock.timerCount, 'timers left behind').toBe(0);
    }
  });

  test('never makes a value out of a flipped bit', async () => {
    for (const [index, answer] of fixture.answers.entries()) {
      for (let bit = 0; bit < answer.length * 8; bit++) {
        const flipped = fixture.answers.map((bytes, other) => (other === index ? withBitFlipped(bytes, bit) : bytes));
        const outcome = await openAndRead(flipped).catch((error: unknown) => {
          if (!isHardwareError(error)) throw error;
          return undefined;
        });
        if (outcome === undefined) continue;
        const where = `answer ${index}, bit ${bit}: ${JSON.stringify(outcome)}`;
        if (fixture.integrity === 'checksum') expect.fail(`a value in spite of the checksum: ${where}`);
        for (const result of outcome) if (isReading(result)) expect(isValue(result.value), where).toBe(true);
      }
    }
  });

  test('refuses an answer that is cut short', async () => {
    for (const [index, answer] of fixture.answers.entries()) {
      const cut = fixture.answers.map((bytes, other) => (other === index ? answer.subarray(0, answer.length - 1) : bytes));
      const outcome = await openAndRead(cut).catch((thrown: unknown) => thrown);
      const reasons = reasonsOf(outcome);
      expect(reasons.length, `answer ${index}`).toBeGreaterThan(0);
      for (const reason of reasons) expect(reason).toSatisfy(isHardwareError);
      const given = Array.isArray(outcome) ? (outcome as Results).filter(isReading) : [];
      const right = fixture.expected.filter(({ id }) => given.some((reading) => reading.id === id));
      expectGood(given, { readings: given }, { expected: right });
    }
  });

  test('gives the right values to two who read at once', async () => {
    const clock = new TestClock();
    const device = await open(fixture.connect(fixture.answers, clock), clock);
    const both = await Promise.all([round(device, clock), round(device, clock)]);
    for (const results of both) expectGood(results, spec, fixture);
  });

  // What belongs together is not torn apart: two at once make the questions of one after the other, at the same times. A
  // driver that only listens asks nothing, and two may hear the same.
  test.each<[string, readonly Call[]]>([['two who read', [read, read]]])(
    'asks the device for %s at once as for one after the other',
    async (_who, calls) => {
      const askedFor = async (make: (device: Device, clock: TestClock) => Promise<unknown>) => {
        const clock = new TestClock();
        const { connection, asked } = noting(fixture.connect(fixture.answers, clock), clock);
        await make(await open(connection, clock), clock);
        return asked;
      };
      const inTurn = await askedFor(async (device, clock) => {
        for (const call of calls) await clock.run(call(device));
      });
      const atOnce = await askedFor((device, clock) => clock.run(Promise.all(calls.map((call) => call(device)))));
      expect(atOnce).toEqual(inTurn);
    },
  );

  // What is safe does not wait until another order is through, and nothing of that one comes after it.
  test.each(spec.outputs)('lets the safe state of $id win over an order that is under way', async ({ id: output, safe }) => {
    const clock = new TestClock();
    const device = await open(fixture.connect(fixture.answers, clock), clock);
    const both = Promise.allSettled([write(output, !safe)(device), write(output, safe)(device)]);
    const [first, second] = await clock.run(both);
    expect(second).toMatchObject({ status: 'fulfilled' });
    if (first.status === 'rejected') expect(first.reason).toMatchObject({ kind: 'superseded' });
    await clock.run(read(device));
  });

  test.each(spec.outputs)('reads and switches $id at once', async ({ id: output }) => {
    for (const calls of [
      [read, write(output, true)],
      [write(output, true), read],
    ]) {
      const clock = new TestClock();
      const device = await open(fixture.connect(fixture.answers, clock), clock);
      await clock.run(Promise.all(calls.map((call) => call(device))));
    }
  });

  if (port !== undefined)
    test('sets up two that are plugged into it at once as one after the other', async () => {
      const askedFor = async (make: (openOne: () => Promise<unknown>) => Promise<unknown>) => {
        const clock = new TestClock();
        const { connection, asked } = noting(fixture.connect(fixture.answers, clock), clock);
        const plug = driver.ports?.open(own, clock);
        await clock.run(make(() => user.open(plug?.(port.id, port.need, connection) as never, spec, clock)));
        return asked;
      };
      const inTurn = await askedFor(async (openOne) => [await openOne(), await openOne()]);
      expect(await askedFor((openOne) => Promise.all([openOne(), openOne()]))).toEqual(inTurn);
    });

  test('rejects with the reason of a signal that is aborted, before or during the read', async () => {
    const clock = new TestClock();
    const device = await open(fixture.connect(fixture.answers, clock), clock);
    if (device.read === undefined) return;
    const reason = new Error('stopped by the test');
    await expect(clock.run(device.read(AbortSignal.abort(reason)))).rejects.toBe(reason);
    const controller = new AbortController();
    const reading = device.read(controller.signal);
    controller.abort(reason);
    // A driver with nothing to wait for may be through before it notices.
    await clock.run(reading).catch((error: unknown) => expect(error).toBe(reason));
    expectGood(await round(device, clock), spec, fixture);
    expect(clock.timerCount, 'timers left behind').toBe(0);
  });

  test('can be closed twice', async () => {
    const clock = new TestClock();
    const device = await open(fixture.connect(fixture.answers, clock), clock);
    await device.close();
    await device.close();
  });

  test('is used by boards that declare what it produces, in its units', () => {
    if (driver.produces === undefined) return;
    for (const board of boardsOf(id)) {
      for (const [reading, { unit }] of Object.entries(board.readings ?? {})) {
        expect(driver.produces[reading], `${board.id}.${reading}`).toBe(unit);
      }
    }
    expect(Object.keys(driver.produces)).toEqual(expect.arrayContaining(own.readings.map((reading) => reading.id)));
  });
});

/** Why there is nothing. A driver that makes several requests may still have the readings of the others. */
function reasonsOf(outcome: unknown): readonly unknown[] {
  if (!Array.isArray(outcome)) return [outcome];
  return (outcome as Results).flatMap((result) => (isReading(result) ? [] : [result.error]));
}

function expectGood(results: Results, spec: Pick<DeviceSpec, 'readings'>, { expected }: Pick<DriverFixture, 'expected'>): void {
  expect(results.map((result) => result.id).sort()).toEqual(spec.readings.map((reading) => reading.id).sort());
  for (const { id, value, tolerance = 0 } of expected) {
    const found = results.find((result) => result.id === id);
    if (found === undefined || !isReading(found)) throw new Error(`no value for ${id}: ${String(found?.error)}`);
    if (typeof value !== 'number') expect(found.value).toBe(value);
    else expect(Math.abs(Number(found.value) - value), `${id} is ${found.value}`).toBeLessThanOrEqual(tolerance);
  }
}

const read: Call = async (device) => device.read?.(NO_ABORT);

function write(output: string, on: boolean): Call {
  return async (device) => device.write?.(output, on);
}

function isValue(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'string' && isTextValue(value)) || Number.isFinite(value);
}

function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

function boardsOf(driverId: string): { id: string; readings?: Record<string, { unit: string }> }[] {
  const folder = new URL('../../boards/', import.meta.url);
  const boards = readdirSync(folder).filter((name) => name.endsWith('.board.yaml'));
  return boards.map((name) => parse(readFileSync(new URL(name, folder), 'utf8'))).filter((board) => board.driver === driverId);
}
