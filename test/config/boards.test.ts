import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBoardFile } from '../../config/board-library.ts';
import { DRIVER_IDS } from '../../drivers/registry.ts';
import { options, ROOT } from './site-files.ts';

const FILES = readdirSync(join(ROOT, 'boards')).filter((name) => name.endsWith('.board.yaml'));

/** Boards whose driver was tried against recordings or data-sheet examples of others; see test/drivers. */
const VERIFIED = [
  'bh1750',
  'bme280',
  'bmp280',
  'ds18b20',
  'dsmr-p1',
  'dsmr2-p1',
  'eastron-sdm120',
  'eastron-sdm630',
  'gps-nmea',
  'mhz19',
  'pms5003',
  'pzem-016',
  'rs485-soil',
  'rs485-temperature-humidity',
  'rs485-wind-speed',
  'scd41',
  'sds011',
  'sds198',
  'sht31',
  'xy-md02',
];

describe('the library of boards', () => {
  it('has the 34 boards of this version', () => {
    expect(FILES).toHaveLength(34);
  });

  it.each(FILES)('%s has no problem', async (name) => {
    const { board, problems } = await loadBoardFile(join(ROOT, 'boards', name), options());
    // A key that no code acts on yet is a note.
    expect(problems.filter(({ code, severity }) => code !== 'C060' || severity !== 'note')).toEqual([]);
    expect(board).toMatchObject({
      id: name.replace('.board.yaml', ''),
      label: { ca: expect.any(String), es: expect.any(String), en: expect.any(String) },
    });
  });

  it('calls verified only what a driver of this version and an outside vector prove', async () => {
    const boards = await Promise.all(FILES.map((name) => loadBoardFile(join(ROOT, 'boards', name), options())));
    const verified = boards.flatMap(({ board }) => (board?.status === 'verified' ? [board] : []));
    expect(verified.map(({ id }) => id).sort()).toEqual(VERIFIED);
    expect(verified.filter(({ driver }) => !DRIVER_IDS.includes(driver))).toEqual([]);
  });
});
