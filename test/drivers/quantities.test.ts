import { describe, expect, it } from 'vitest';
import { normaliseUnit, QUANTITIES, UNITS } from '../../drivers/quantities.ts';

describe('a unit is known in every spelling', () => {
  it.each([...UNITS.values()])('as it is written, shown and stored: $id', ({ id, symbol, ucum }) => {
    expect([id, symbol || id, ucum].map(normaliseUnit)).toEqual([id, id, id]);
  });

  // Signs by their numbers, as many of them look the same: Unicode 15, C0-C1, Superscripts, Letterlike Symbols, CJK Compatibility.
  it.each([
    ['\u00B5S/cm', 'uS/cm'],
    ['\u03BCS/cm', 'uS/cm'],
    ['us/cm', 'uS/cm'],
    ['uS / cm', 'uS/cm'],
    ['\u00B5g/m\u00B3', 'ug/m3'],
    ['\u03BCg/m\u00B3', 'ug/m3'],
    ['\u03BCg/m3', 'ug/m3'],
    ['\u338D/m\u00B3', 'ug/m3'],
    ['ug/m^3', 'ug/m3'],
    ['\u00B5g\u00B7m\u207B\u00B3', 'ug/m3'],
    ['\u00B5g m\u207B\u00B3', 'ug/m3'],
    ['m\u00B7s\u207B\u00B9', 'm/s'],
    ['L\u00B7min\u207B\u00B9', 'L/min'],
    ['kW\u00B7h', 'kWh'],
    ['V\u22C5A', 'VA'],
    ['\u00B0C', 'degC'],
    ['\u00BAC', 'degC'],
    ['\u02DAC', 'degC'],
    ['\u2103', 'degC'],
    ['\u00B0 C', 'degC'],
    ['\u00B0\u00A0C', 'degC'],
    ['degc', 'degC'],
    ['\u00BA', 'deg'],
    ['l/min', 'L/min'],
    ['l\u2044min', 'L/min'],
    ['l', 'L'],
    ['m\u00B3', 'm3'],
    ['\u33A5', 'm3'],
    ['\u33D7', 'pH'],
    ['PH', 'pH'],
    ['\uFF05', '%'],
    ['hpa', 'hPa'],
    ['kwh', 'kWh'],
    ['KWh', 'kWh'],
    ['VAr', 'var'],
    ['db(a)', 'dBA'],
    ['ma', 'mA'],
  ])('%s', (written, id) => {
    expect(normaliseUnit(written)).toBe(id);
  });

  it.each(['MV', 'MA', 'Mm', 'pA', 'K', 'C', 'mS/cm', 'MS/cm', 'ms', 'kohm', '', ' '])('%j is none of them', (written) => {
    expect(normaliseUnit(written)).toBeUndefined();
  });
});

it('has a unit for each quantity', () => {
  const units = [...QUANTITIES.values()].flatMap(({ units }) => Object.keys(units));
  expect(units.filter((unit) => !UNITS.has(unit))).toEqual([]);
});
