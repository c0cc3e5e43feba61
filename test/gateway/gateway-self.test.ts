// The gateway as a device of its own, on the production gateway: what it tells is kept and delivered as any other reading.

import { describe, expect, test } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { observationsOf, startSimulated } from './simulated-gateway.ts';

const MINUTE_MS = 60_000;
const site = (
  simulate = '',
  every = '15s',
) => `sentilo: { url: "https://city.example.cat", provider: makers, token: { secret: sentilo_token } }
devices:
  gateway: { board: gateway-self@1, via: gateway, every: ${every}, simulate: { ${simulate} } }
`;

async function started(text: string, faults: readonly Fault[] = []) {
  let city: ReturnType<typeof createCity> | undefined;
  const running = await startSimulated(text, {
    faults,
    http: (clock, config) => {
      city = createCity(worldForSite(config, 'demo-token'));
      return cityHttp(city, clock, { faults, latencyMs: 40, random: () => 0 });
    },
  });
  const arrived = (reading: string) => city?.observations('makers', `trial-gateway-${reading}`).map(({ value }) => value) ?? [];
  return { running, arrived };
}

const shown = (running: Awaited<ReturnType<typeof startSimulated>>) =>
  Object.fromEntries(running.gateway.readings().map(({ reading, value }) => [reading, value]));

describe('the gateway itself', () => {
  test('tells how it and its machine are, and the city gets it', async () => {
    const { running, arrived } = await started(
      site(
        'temperature: { constant: 48.3 }, memory: { constant: 38.5 }, disk: { constant: 21.4 }, under_voltage: { constant: 1 }',
      ),
    );
    await running.clock.runUntil(5 * MINUTE_MS);
    expect(shown(running)).toMatchObject({ temperature: 48.3, memory: 38.5, disk: 21.4, under_voltage: true, clock: 'synced' });
    await running.stop();
    expect(running.fatal).toEqual([]);
    const uptimes = observationsOf(await running.records(), 'gateway.uptime').map(({ value }) => value);
    // The first at the start, then every 15 s of the grid.
    expect(uptimes.slice(1)).toEqual(uptimes.slice(1).map((_, index) => Number(uptimes[1]) + 15 * index));
    expect(arrived('temperature').length).toBeGreaterThanOrEqual(19);
    expect(new Set(arrived('temperature'))).toEqual(new Set(['48.3']));
    expect(new Set(arrived('under_voltage'))).toEqual(new Set(['true']));
    // At the very start nobody has looked at the clock yet.
    expect(arrived('clock').slice(0, 1)).toEqual(['none']);
    expect(new Set(arrived('clock').slice(1))).toEqual(new Set(['synced']));
  });

  test('counts what waits while the city is away, and nothing once it has all', async () => {
    const away: Fault = { at: 'city', kind: 'refuse', rate: 1, fromMs: MINUTE_MS, toMs: 11 * MINUTE_MS };
    const { running } = await started(site(), [away]);
    await running.clock.runUntil(11 * MINUTE_MS - 1);
    // Eight readings every 15 s for ten minutes, less those of the newest second, which may not be durable yet.
    expect(shown(running)['waiting']).toBeGreaterThan(280);
    await running.clock.runUntil(40 * MINUTE_MS);
    expect(shown(running)['waiting']).toBeLessThanOrEqual(16);
    await running.stop();
  });

  test('shows what is simulated in the place of what is', async () => {
    const { running } = await started(site('waiting: { constant: 5000 }, clock: { text: none }'));
    await running.clock.runUntil(MINUTE_MS);
    expect(shown(running)).toMatchObject({ waiting: 5000, clock: 'none', uptime: 60 });
    await running.stop();
  });

  test('a clock that nobody has set is told as such', async () => {
    const { running } = await started(site(), [{ at: 'clock', kind: 'unset', byMs: 0, fromMs: 0, toMs: 1e9 }]);
    await running.clock.runUntil(MINUTE_MS);
    expect(shown(running)['clock']).toBe('none');
    await running.stop();
  });

  test.each<[string, Fault]>([
    ['tells nothing', { at: 'device', device: 'gateway', kind: 'silent', rate: 1, fromMs: MINUTE_MS, toMs: 3 * MINUTE_MS }],
    ['is not to be asked', { at: 'bus', bus: 'gateway', kind: 'busy', fromMs: MINUTE_MS, toMs: 3 * MINUTE_MS }],
  ])('comes back when its machine %s for a while', async (_, fault) => {
    const { running } = await started(site(), [fault]);
    await running.clock.runUntil(2.9 * MINUTE_MS);
    expect(running.gateway.status().measuring.answeringCount).toBe(0);
    await running.clock.runUntil(6 * MINUTE_MS);
    expect(running.gateway.status().measuring.answeringCount).toBe(1);
    expect(shown(running)['uptime']).toBe(360);
    await running.stop();
    expect(running.fatal).toEqual([]);
  });
});
