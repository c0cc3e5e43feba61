// boards/vectors.yaml against the recordings and examples that it speaks of, and against the boards.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBoardFile } from '../../config/board-library.ts';
import { loadBoardVectors } from '../../config/board-vectors.ts';
import { isReading } from '../../drivers/reading.ts';
import { DRIVER_IDS } from '../../drivers/registry.ts';
import { options, ROOT } from '../config/site-files.ts';
import { type Vector, vectors } from '../support/vectors.ts';
import { play } from './play.ts';

/** What is a proof: bytes and values that a device, its maker or another project gave. What was derived from a rule is none. */
const PROOFS = ['capture', 'datasheet-example', 'quoted', 'unit-test'];

const { files, elsewhere } = await loadBoardVectors(join(ROOT, 'boards/vectors.yaml'), options());
const BOARD_FILES = readdirSync(join(ROOT, 'boards')).filter((name) => name.endsWith('.board.yaml'));
const LIST = Object.entries(files);

/** Pairs of board and vector of one kind, in the order of the list. */
function played(kind: 'proves' | 'refuses') {
  return LIST.flatMap(([file, uses]) =>
    Object.entries(uses[kind] ?? {}).flatMap(([board, ids]) =>
      ids.map((id) => ({ board, id: `${file}/${id}`, vector: vectorOf(file, id) })),
    ),
  );
}

/** Faults that were reported about other products have ids of their own, without the name of the file. */
function idsIn(file: string): string[] {
  return vectors(file).map(({ id }) => id.replace(`${file}/`, ''));
}

function vectorOf(file: string, id: string): Vector {
  const found = vectors(file)[idsIn(file).indexOf(id)];
  if (found === undefined) throw new Error(`no vector ${file}/${id}`);
  return found;
}

/** What the vectors call the readings of the boards, and how many of the vector's unit are one of the board's. */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ads1115: { voltage: 'value' },
  mcp23017: { PA0: 'closed', PA7: 'switch', sequence: 'switch' },
  'modbus-relay-8': { value: 'switch' },
  bh1750: { illuminance: 'light' },
  'eastron-sdm630': { voltage: 'voltage_l1', current: 'current_l1' },
  'gps-nmea': { lat: 'latitude', lon: 'longitude', quality: 'fix_quality' },
  mhz19: { CO2: 'co2' },
  pms5003: { pm01: 'pm1', pm25: 'pm2_5' },
  'pzem-016': { energy: 'energy_in' },
  'rs485-soil': { soil_moisture: 'moisture', soil_temperature: 'temperature', ec: 'conductivity' },
  sds011: { pm25: 'pm2_5' },
  ...Object.fromEntries(
    ['dsmr-p1', 'dsmr2-p1'].map((board) => [
      board,
      {
        ELECTRICITY_IMPORTED_TOTAL: 'energy_imported',
        ELECTRICITY_EXPORTED_TOTAL: 'energy_exported',
        ELECTRICITY_USED_TARIFF_1: 'energy_imported_t1',
        ELECTRICITY_USED_TARIFF_2: 'energy_imported_t2',
        ELECTRICITY_DELIVERED_TARIFF_1: 'energy_exported_t1',
        ELECTRICITY_DELIVERED_TARIFF_2: 'energy_exported_t2',
        CURRENT_ELECTRICITY_USAGE: 'power_imported',
        CURRENT_ELECTRICITY_DELIVERY: 'power_exported',
        HOURLY_GAS_METER_READING: 'gas',
      },
    ]),
  ),
};
const PER_UNIT: Readonly<Record<string, number>> = { pressure: 100 };

/** The readings of the board that a vector tells of, by its own names. */
async function namesIn(board: string, { expected }: Vector): Promise<ReadonlyMap<string, string>> {
  const file = await loadBoardFile(join(ROOT, `boards/${board}.board.yaml`), options());
  const readings = file.board?.provides === undefined ? Object.keys(file.board?.readings ?? {}) : ['value', 'closed', 'switch'];
  const pairs = Object.keys(expected).map((name): [string, string] => [NAMES[board]?.[name] ?? name, name]);
  return new Map(pairs.filter(([reading]) => readings.includes(reading)));
}

describe('boards/vectors.yaml', () => {
  it('names every vector once, and none that is not there', () => {
    const there = readdirSync(join(ROOT, 'test/data/vectors'))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.replace('.json', ''));
    expect(Object.keys(files).sort()).toEqual(there.sort());
    for (const [file, { proves = {}, refuses = {}, tested = {}, unused = {} }] of LIST) {
      // The registers of two boards can be proven by one example.
      const proven = [...new Set(Object.values(proves).flat())];
      const all = [...proven, ...Object.values(refuses).flat(), ...Object.values(tested).flat(), ...Object.keys(unused)];
      expect(all.sort(), file).toEqual(idsIn(file).sort());
    }
    expect(Object.keys(elsewhere).filter((file) => there.includes(file))).toEqual([]);
  });

  it('names tests that read the file', () => {
    for (const [file, { tested = {} }] of LIST) {
      for (const test of Object.keys(tested)) {
        expect(existsSync(join(ROOT, test)), test).toBe(true);
        const text = readFileSync(join(ROOT, test), 'utf8');
        // A fault of another product is named by its own id where a test is about it.
        const isRead = new RegExp(`['"\`]${file}['"\`/]`).test(text) || tested[test]?.every((id) => text.includes(id));
        expect(isRead, `${test} reads ${file}`).toBe(true);
      }
    }
  });

  it('proves boards by what others have made', () => {
    const own = played('proves').filter(({ vector: { kind } }) => !PROOFS.includes(kind));
    expect(own.map(({ id, vector }) => `${id} is ${vector.kind}`)).toEqual([]);
  });

  it('proves the boards that say verified, and no other', async () => {
    const boards = await Promise.all(BOARD_FILES.map((name) => loadBoardFile(join(ROOT, 'boards', name), options())));
    const verified = boards.flatMap(({ board }) => (board?.status === 'verified' ? [board] : []));
    const proven = new Set(played('proves').map(({ board }) => board));
    expect(verified.map(({ id }) => id).sort()).toEqual([...proven].sort());
    expect(verified.filter(({ driver }) => !DRIVER_IDS.includes(driver))).toEqual([]);
  });
});

describe('a board gives the values of', () => {
  it.each(played('proves'))('$id ($board)', async ({ board, vector }) => {
    const names = await namesIn(board, vector);
    const results = await play(board, vector, [...names.keys()]);
    if (results instanceof Error) throw results;
    expect(names.size).toBeGreaterThan(0);
    for (const [reading, name] of names) {
      const result = results.find(({ id }) => id === reading);
      if (result === undefined || !isReading(result)) throw new Error(`no ${reading}: ${result?.error}`);
      const value = vector.expected[name];
      // The text of a script says what it switches on.
      if (typeof result.value === 'boolean') expect(result.value, reading).toBe(name === 'sequence' || Boolean(value));
      else {
        const apart = Math.abs(Number(result.value) * (PER_UNIT[reading] ?? 1) - Number(value));
        expect(apart, `${reading} is ${result.value}`).toBeLessThanOrEqual((vector.tolerance[name] ?? 0) + 1e-9);
      }
    }
  });
});

describe('a board gives nothing for', () => {
  it.each(played('refuses'))('$id ($board)', async ({ board, vector }) => {
    expect(await play(board, vector)).toBeInstanceOf(Error);
  });
});
