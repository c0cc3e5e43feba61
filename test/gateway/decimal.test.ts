import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { valueText } from '../../gateway/decimal.ts';

describe('valueText', () => {
  // Rounded by hand, half away from zero, on the decimal that a person reads.
  it.each([
    [363 * 0.1, 0.1, '36.3'],
    [363 * 0.1, 0.01, '36.3'],
    [21.456, 0.01, '21.46'],
    [2.675, 0.01, '2.68'],
    [1.005, 0.01, '1.01'],
    [-1.005, 0.01, '-1.01'],
    [0.5, 1, '1'],
    [-0.5, 1, '-1'],
    [-0.4, 1, '0'],
    [-0, 0.01, '0'],
    [0, 0.5, '0'],
    [20.74, 0.5, '20.5'],
    [20.75, 0.5, '21'],
    [0.1, 0.06, '0.12'],
    [0.08, 0.06, '0.06'],
    [0.09, 0.06, '0.12'],
    [41.3902149, 1e-5, '41.39021'],
    [1e-7, 1e-7, '0.0000001'],
    [4e-8, 1e-7, '0'],
    [1234.5, 10, '1230'],
    [1235, 10, '1240'],
    [100, 1, '100'],
    [1e21, 1, '1000000000000000000000'],
    [1.5e-300, 0.01, '0'],
    [230.10000610351562, 0.1, '230.1'],
  ])('writes %d at %d as %s', (value, precision, text) => {
    expect(valueText(value, precision)).toBe(text);
  });

  it('writes a state as true or false', () => {
    expect(valueText(true, 1)).toBe('true');
    expect(valueText(false, 1)).toBe('false');
  });

  it('writes a text as it is, also one that looks like a number', () => {
    expect([valueText('OK', 1), valueText('0012.50', 0.1), valueText('', 1)]).toEqual(['OK', '0012.50', '']);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('throws for %d', (value) => {
    expect(() => valueText(value, 0.1)).toThrow(RangeError);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('throws for the precision %d', (precision) => {
    expect(() => valueText(1, precision)).toThrow(RangeError);
  });

  it('never writes an exponent, a trailing zero or a negative zero', () => {
    const precision = fc.constantFrom(0.00001, 0.01, 0.06, 0.1, 0.5, 1, 10);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), precision, (value, step) => {
        expect(valueText(value, step)).toMatch(/^(0|-?[1-9]\d*|-?\d+\.\d*[1-9])$/);
      }),
    );
  });

  it('stays within half a step of the value', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0.01, 0.06, 0.5, 10), (value, step) => {
        expect(Math.abs(Number(valueText(value, step)) - value)).toBeLessThanOrEqual(step / 2 + 1e-9);
      }),
    );
  });
});
