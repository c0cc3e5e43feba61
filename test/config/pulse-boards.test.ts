import { describe, expect, it } from 'vitest';
import { loadText } from './site-files.ts';

/** A site with an S0 meter of its own. `readings` is flow YAML. */
async function load(readings: string, options = '') {
  const board = `schema: board/v1
id: own
version: 1.0.0
label: { en: Own meter }
needs: digital_in
driver: pulse-counter
with:
  pull: { type: choice, default: up, choices: [up, down, none] }
  debounce: { type: duration, default: 5ms }
  per_pulse: { type: number, default: 0.001 }
  shows: { type: number, default: 0 }
readings: { ${readings} }
simulate: { energy: { constant: 500 } }
`;
  const text = `schema: gateway/v1
gateway: { id: demo, timezone: America/Lima }
devices: { own: { board: own@1, via: gpio.pin11, with: { ${options} } } }
`;
  return loadText(text, { 'boards/own.board.yaml': board });
}

const ENERGY = 'energy: { quantity: energy_imported, unit: kWh, kind: total';

describe('a board that counts pulses', () => {
  it('gives the driver what a pulse stands for and where the total begins, from its parameters', async () => {
    const site = await load(`${ENERGY}, per: pulse, scale_by: per_pulse, starts_at: shows }`, 'per_pulse: 0.0005, shows: 1843.2');
    expect(site.config?.devices.get('own')?.spec.readings).toEqual([
      { id: 'energy', pulses: { kind: 'total', unit: 'kWh', scaleBy: 0.0005, startsAt: 1843.2 } },
    ]);
    expect(site.config?.skipped).toEqual(new Map());
  });

  it('that begins again every day is told the time zone of the site, and that is no note', async () => {
    const site = await load(`${ENERGY}, per: pulse, scale_by: per_pulse, resets: daily }`);
    expect(site.config?.devices.get('own')?.spec).toMatchObject({
      timezone: 'America/Lima',
      readings: [{ pulses: { resets: 'daily' } }],
    });
    expect(site.problems.filter(({ code }) => code === 'C060')).toEqual([]);
  });

  it.each(['0', '-0.001'])('whose pulses stand for nothing is refused: %s', async (amount) => {
    const site = await load(`${ENERGY}, per: pulse, scale_by: per_pulse }`, `per_pulse: ${amount}`);
    expect(site.problems).toContainEqual(
      expect.objectContaining({ code: 'C025', parameters: expect.objectContaining({ bound: 'more' }) }),
    );
  });

  it.each([
    ['of another kind', 'energy: { quantity: energy_imported, unit: kWh, kind: gauge, per: pulse, scale_by: per_pulse }'],
    ['without per', `${ENERGY}, scale_by: per_pulse }`],
  ])('is refused with a reading %s', async (_, reading) => {
    const site = await load(reading);
    expect(site.problems.map(({ code, severity }) => [code, severity])).toContainEqual(['C123', 'error']);
    expect(site.config).toBeUndefined();
  });
});
