// Every board of the library in the production gateway: what is kept is what its simulated hardware was told to show, to the
// board's precision. One that is added later is tested by itself.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadBoardFile } from '../../config/board-library.ts';
import type { BoardFile, BoardReading } from '../../config/schema-board.ts';
import { options, ROOT } from '../config/site-files.ts';
import { observationsOf, startSimulated } from '../gateway/simulated-gateway.ts';

const MINUTE_MS = 60_000;
/** Three minutes of preheating, and some rounds. */
const FOR_MS = 10 * MINUTE_MS;

const BUSES = `buses:
  i2c1: { type: i2c }
  line: { type: serial, port: "usb:1a86:7523" }
  meters: { type: modbus-rtu, port: header, baud: 9600, format: 8N1 }
  w1: { type: onewire, pin: gpio.pin7 }
`;
const VIA: Readonly<Record<BoardFile['needs'], string>> = {
  i2c: 'i2c1',
  serial: 'line',
  modbus: 'meters',
  onewire: 'w1',
  analog: 'adc.ain0',
  digital_in: 'gpio.pin11',
  digital_out: 'gpio.pin13',
  mqtt: 'nodes',
  gateway: 'gateway',
};
/** Boards that have no reading that could be held against what it shows, or no driver yet, or that show how the gateway is. */
const OTHERS = new Set([
  'ads1115',
  'mcp23017',
  'modbus-relay-8',
  'waveshare-relay-8',
  'relay',
  'solenoid-valve',
  'firmata-uno',
  'gateway-self',
]);
/** What counts pulses gets them from a signal that moves; test/simulator/devices/pulse-counter.test.ts counts them. */
const COUNTERS = new Set(['rain-gauge', 'flow-meter']);

/** Where not every value within its range can be: the volts of the converter, the order of three levels, a kind of fix. */
const CHOSEN: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'analog-input': { value: 1.637 },
  dnms: { laeq: 55.3, la_min: 41.2, la_max: 71.9 },
  'gps-nmea': { fix_quality: 2, satellites: 9 },
};

const boards: BoardFile[] = [];
for (const name of readdirSync(join(ROOT, 'boards'))) {
  const { board } = await loadBoardFile(join(ROOT, 'boards', name), options());
  if (board !== undefined && !OTHERS.has(board.id) && !COUNTERS.has(board.id)) boards.push(board);
}

/** A value for the reading of this place that no other reading has, well within what the board calls valid. */
function shownBy({ kind, valid }: BoardReading, index: number): number {
  if (kind === 'state') return 1;
  const [least, most] = valid ?? [0, 100];
  return least + (most - least) * (0.31 + 0.017 * index);
}

describe.each(boards)('$id', (board) => {
  const readings = Object.entries(board.readings ?? {}).filter(([, { enabled }]) => enabled);
  const shown = new Map(readings.map(([id, reading], index) => [id, CHOSEN[board.id]?.[id] ?? shownBy(reading, index)]));

  test('gives what its hardware shows', async () => {
    const needed = Object.entries(board.with ?? {}).filter(([, { required }]) => required);
    const parameters = needed.map(
      ([name, { type, example }]) => `${name}: ${type === 'onewire_rom' ? '28-0316a2799dff' : example}`,
    );
    const running = await startSimulated(`${BUSES}devices:
  adc: { board: ads1115@1, via: i2c1 }
  probe: { board: analog-input@1, via: adc.ain3 }
  own:
    board: ${board.id}@1
    via: ${VIA[board.needs]}
    every: 30s
    with: { ${parameters.join(', ')} }
    simulate: { ${[...shown].map(([id, value]) => `${id}: { constant: ${value} }`).join(', ')} }
`);
    await running.clock.runUntil(FOR_MS);
    await running.stop();
    expect(running.fatal).toEqual([]);
    const records = await running.records();
    for (const [id, reading] of readings) {
      // A receiver that has no fix yet says that.
      const kept = observationsOf(records, `own.${id}`).filter(({ monotonicMs }) => monotonicMs >= MINUTE_MS);
      expect(kept.length, id).toBeGreaterThanOrEqual(10);
      for (const { value, precision, quality } of kept) {
        expect(quality, id).toBe('good');
        if (reading.kind === 'state') expect(value, id).toBe(true);
        else expect(Math.abs(Number(value) - (shown.get(id) ?? Number.NaN)), `${id} is ${value}`).toBeLessThanOrEqual(precision);
      }
    }
  });
});
