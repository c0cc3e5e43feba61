// How busy a bus will be, computed from the configuration. The line times of Modbus RTU are those of its specification
// (eleven bits a character, 3.5 characters of silence, 1.75 ms above 19,200 baud), worked out apart as requests a second.

import { describe, expect, it } from 'vitest';
import { type BusPlan, extraRequests } from '../../config/bus-plan.ts';
import { errors, loadText, marks } from './site-files.ts';

/** A board whose readings lie side by side, one register each. */
function board(count: number, first = 0): string {
  const readings = Array.from({ length: count }, (_, i) => `  r${i}: { quantity: count, unit: "1", at: ${first + i} }`);
  return `schema: board/v1
id: registers
version: 1.0.0
label: { en: Registers }
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, required: true } }
modbus: { read_with: holding }
readings:
${readings.join('\n')}
`;
}

async function site(bus: string, devices: string, files: Readonly<Record<string, string>> = {}) {
  return await loadText(`schema: gateway/v1\ngateway: { id: demo }\nbuses: { bus: ${bus} }\ndevices:\n${devices}\n`, files);
}

async function planOf(...about: Parameters<typeof site>): Promise<BusPlan> {
  const { plans, problems } = await site(...about);
  const [plan] = plans;
  if (plan === undefined) throw new Error(JSON.stringify(problems));
  return plan;
}

const meter = (count: number, baud: number) =>
  planOf(
    `{ type: modbus-rtu, port: header, baud: ${baud} }`,
    '  meter: { board: registers@1, via: bus, with: { unit: 1 }, every: 10s }',
    {
      'boards/registers.board.yaml': board(count),
    },
  );

describe('the time on the wire', () => {
  it.each([
    [9600, 1, 39.7],
    [9600, 10, 21.8],
    [9600, 50, 7.3],
    [9600, 125, 3.2],
    [19_200, 1, 79.3],
    [19_200, 10, 43.6],
    [115_200, 1, 203],
    [115_200, 10, 150],
  ])('at %i baud a request for %i registers can be made %f times a second', async (baud, count, perSecond) => {
    const plan = await meter(count, baud);
    expect(plan.requestCount).toBe(1);
    // The figures are rounded to three digits.
    expect(1000 / plan.lineMs / perSecond).toBeCloseTo(1, 1);
  });

  it('of I2C is nine bits a byte, the address included', async () => {
    const { devices } = await planOf('{ type: i2c, device: /dev/i2c-1 }', '  air: { board: sht31@1, via: bus, every: 10s }');
    // A command of two bytes, and an answer of six, each behind its address: 3 and 7 bytes at 100 kHz.
    expect(devices[0]?.requests.map(({ lineMs }) => lineMs)).toEqual([(3 * 9) / 100, (7 * 9) / 100]);
  });
});

describe('what is asked of a bus', () => {
  it('is added up for all its devices, each with its own period', async () => {
    const plan = await planOf(
      '{ type: modbus-rtu, port: header, baud: 9600 }',
      `  fast: { board: registers@1, via: bus, with: { unit: 1 }, every: 1s }
  slow: { board: registers@1, via: bus, with: { unit: 2 }, every: 10s }`,
      { 'boards/registers.board.yaml': board(10) },
    );
    const [fast] = plan.devices;
    const each = fast?.requests[0];
    expect(plan.lineMs).toBeCloseTo(2 * (each?.lineMs ?? 0), 9);
    expect(plan.lineShare).toBeCloseTo((each?.lineMs ?? 0) / 1_000 + (each?.lineMs ?? 0) / 10_000, 9);
    expect(plan.shortestMs).toBe(200);
  });

  it('names what costs a request more: registers too far away from the others', async () => {
    const files = { 'boards/registers.board.yaml': `${board(3)}  far: { quantity: count, unit: "1", at: 900 }\n` };
    const { devices } = await planOf(
      '{ type: modbus-rtu, port: header }',
      '  meter: { board: registers@1, via: bus, with: { unit: 1 }, every: 10s }',
      files,
    );
    expect(devices.map(extraRequests)).toEqual([[expect.objectContaining({ readings: ['far'] })]]);
  });

  it('is an error where the bytes alone do not fit, with a period that does', async () => {
    const many = Array.from(
      { length: 20 },
      (_, i) => `  m${i}: { board: registers@1, via: bus, with: { unit: ${i + 1} }, every: 1s }`,
    );
    const files = { 'boards/registers.board.yaml': board(20) };
    const bus = '{ type: modbus-rtu, port: header, baud: 2400 }';
    const full = await site(bus, many.join('\n'), files);
    expect(errors(full)).toEqual(['C148']);
    expect(marks(full)).toContain('C148 3:10');
    const shortestMs = Number(full.problems.find(({ code }) => code === 'C148')?.parameters['shortestMs']);
    const fits = await site(bus, many.join('\n').replaceAll('every: 1s', `every: ${shortestMs}ms`), files);
    expect(errors(fits)).toEqual([]);
    expect(fits.plans[0]?.share).toBeLessThanOrEqual(1);
  });

  it('names the pause at the bus where that is what takes its time', async () => {
    const files = { 'boards/registers.board.yaml': board(10) };
    const paused = await site(
      '{ type: modbus-rtu, port: header, pause: 2s }',
      '  m: { board: registers@1, via: bus, with: { unit: 1 }, every: 1s }',
      files,
    );
    expect(paused.problems).toContainEqual(
      expect.objectContaining({ code: 'C148', parameters: expect.objectContaining({ pauseMs: 2_000 }) }),
    );
  });

  describe('over a network that takes several requests at once', () => {
    /** Five blocks, too far apart for one request: five times the 50 ms that a device usually takes. */
    const files = {
      'boards/registers.board.yaml': `${board(1)}${[1, 2, 3, 4].map((i) => `  far${i}: { quantity: count, unit: "1", at: ${i * 1000} }\n`).join('')}`,
    };
    const plan = (deviceCount: number, inFlight: number) =>
      planOf(
        `{ type: modbus-tcp, host: 10.0.0.5, in_flight: ${inFlight} }`,
        Array.from(
          { length: deviceCount },
          (_, i) => `  m${i}: { board: registers@1, via: bus, with: { unit: ${i + 1} }, every: 1s }`,
        ).join('\n'),
        files,
      );

    it.each([
      [1, 1, 250, 0.25],
      // A device waits for its own answers.
      [1, 16, 250, 0.25],
      [4, 1, 1_000, 1],
      [4, 2, 500, 0.5],
      [4, 16, 250, 0.25],
    ])('%d devices with in_flight %d take %d ms', async (deviceCount, inFlight, roundMs, share) => {
      const { devices, ...of } = await plan(deviceCount, inFlight);
      expect(devices[0]?.requests).toHaveLength(5);
      expect(of.roundMs).toBeCloseTo(roundMs, 6);
      expect(of.share).toBeCloseTo(share, 6);
    });
  });

  it('is a round of I2C as long as its slowest chip, which keeps no other from the bus', async () => {
    const plan = await planOf(
      '{ type: i2c, device: /dev/i2c-1 }',
      '  air: { board: sht31@1, via: bus, every: 10s }\n  more: { board: sht31@1, via: bus, with: { address: 0x45 }, every: 10s }',
    );
    const ownMs = plan.devices[0]?.requests.reduce((sum, { tookMs }) => sum + tookMs, 0) ?? 0;
    expect(ownMs).toBeGreaterThan(plan.lineMs);
    expect(plan.roundMs).toBe(ownMs);
    expect(plan.share).toBe(plan.lineShare);
  });

  it('is a warning where it fits only with quick devices', async () => {
    const many = Array.from(
      { length: 12 },
      (_, i) => `  m${i}: { board: registers@1, via: bus, with: { unit: ${i + 1} }, every: 1s }`,
    );
    const files = { 'boards/registers.board.yaml': board(10) };
    const tight = await site('{ type: modbus-rtu, port: header, baud: 9600 }', many.join('\n'), files);
    expect(errors(tight)).toEqual([]);
    expect(tight.problems.map(({ code }) => code)).toContain('C149');
  });
});
