// Tables and labelled lines on narrow terminals: nothing is lost and nothing is wider.

import { describe, expect, it } from 'vitest';
import { renderOutputs } from '../../cli/render-outputs.ts';
import { renderReadings } from '../../cli/render-readings.ts';
import { renderStatus } from '../../cli/render-status.ts';
import { displayWidth, labelled, tableLines } from '../../cli/table.ts';
import type { OutputState } from '../../gateway/outputs/output.ts';
import type { GatewayStatus, ReadingRow } from '../../gateway/status.ts';

const ROWS = [
  ['time (UTC)', 'output', 'order', 'from', 'result'],
  ['2026-01-01 05:30:00', 'valve.open', 'on', 'rules: water_bed', 'done'],
  ['2026-01-01 05:38:00', 'pump.switch', 'off', '', ''],
];
const wider = (text: string, columns: number) => text.split('\n').filter((line) => displayWidth(line) > columns);

describe('a table', () => {
  it('has one line a row where that fits, and for a program', () => {
    const lines = [
      'time (UTC)           output       order  from              result',
      '2026-01-01 05:30:00  valve.open   on     rules: water_bed  done',
      '2026-01-01 05:38:00  pump.switch  off',
    ];
    expect(tableLines(ROWS, new Set(), 65)).toEqual(lines);
    expect(tableLines(ROWS)).toEqual(lines);
  });

  it('has its last cells in a line below where the terminal is narrower', () => {
    expect(tableLines(ROWS, new Set(), 40)).toEqual([
      'time (UTC)           output       order',
      '  from              result',
      '2026-01-01 05:30:00  valve.open   on',
      '  rules: water_bed  done',
      '2026-01-01 05:38:00  pump.switch  off',
    ]);
  });
});

describe('on a terminal of 40 columns', () => {
  it('labelled lines fit with their label', () => {
    const text = labelled([['Since', ['the start '.repeat(12).trim()]]], { columns: 40 });
    expect(wider(text, 40)).toEqual([]);
    expect(text.replaceAll(/\s+/g, ' ')).toBe(`Since ${'the start '.repeat(12)}`);
  });

  it('a reading shows its age and quality, and an output who ordered it', () => {
    const row: ReadingRow = {
      device: 'bed_tomatoes',
      reading: 'moisture',
      sensor: 'demo-bed_tomatoes-moisture',
      unit: '%',
      precision: 1,
      value: 31,
      ageMs: 125_000,
      quality: 'suspect',
      reason: 'jump',
    };
    const readings = renderReadings([row], 40);
    expect(wider(readings, 40)).toEqual([]);
    expect(readings).toContain('2 min');
    expect(readings).toContain('suspect');
    const output: OutputState = {
      output: 'valve_tomatoes.open',
      name: { '*': 'open' },
      safe: false,
      orders: ['local'],
      asked: { on: true, from: 'local: marta', agoMs: 12_000 },
      seen: true,
      backInMs: 18_000,
    };
    const outputs = renderOutputs([output], { columns: 40, isTerminal: true });
    expect(wider(outputs, 40)).toEqual([]);
    expect(outputs).toContain('local: marta');
    expect(renderOutputs([output], { columns: 40, isTerminal: false }).trimEnd().split('\n')).toHaveLength(2);
  });

  it('the status fits', () => {
    const measuring = { answeringCount: 1, deviceCount: 2, newestAgeMs: 3_000, observationCount: 9 };
    const clock = { quality: 'none', untimedBoots: [], untimedBootCount: 0 };
    const stored = {
      recordCount: 1_000,
      sizeBytes: 2_097_152,
      sizeBytesMax: 1_073_741_824,
      damage: [],
      evictedUndeliveredCount: 1,
      overwrittenCount: 0,
      thinnedCount: 5_000,
    };
    const outputs = [{ output: 'lamp.switch', problem: 'no answer from unit 30 within 2000 ms, and it may be on' }];
    const status = { buses: [], devices: [], skipped: [], measuring, clock, stored, outputs } as unknown as GatewayStatus;
    expect(wider(renderStatus(status, 40), 40)).toEqual([]);
  });
});
