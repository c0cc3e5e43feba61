// What the status says of rules: when each did something last, why it did not, and when it is due next.

import { expect, test } from 'vitest';
import { configOf, RuleWorld } from './rule-world.ts';

const site = (humidity: number) => `buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 10s, simulate: { temperature: { constant: 20 }, humidity: { constant: ${humidity} } } }
  fan: { board: relay@1, via: gpio.pin13, outputs: { switch: { safe: off, max_on: 8h, min_off: 10min } } }
  lamp: { board: relay@1, via: gpio.pin15, outputs: { switch: { safe: off, max_on: 8h } } }
rules:
  morning:
    at: ["06:30", "20:30"]
    only_if: [{ reading: hall.humidity, below: 60 }]
    do: { output: lamp.switch, set: on, for: 8min }
  warm: { when: { reading: hall.temperature, above: 15, for: 1min }, do: { output: fan.switch, set: on } }
  cold: { when: { reading: hall.temperature, below: 5 }, do: { alarm: cold } }
  mild: { when: { reading: hall.temperature, above: 15, for: 1min }, do: { alarm: mild } }
`;
const at = (time: string) => Date.parse(`2026-06-01T${time}Z`);
const NEXT = { nextWallMs: at('18:30:00') };

test('a rule says when it fired and is due next, also after a restart, and one that has not that it has not', async () => {
  const world = new RuleWorld(await configOf(site(40)), { start: '2026-06-01T04:00:00Z' });
  await world.start();
  await world.runToWall('2026-06-01T04:02:00Z');
  // `min_off` counts from the start: refused, and tried again until it is done.
  expect(world.gateway.status().rules?.each?.[1]).toMatchObject({ rule: 'warm', idle: { reason: 'min-off' } });
  expect(world.gateway.status().rules?.each?.[1]).not.toHaveProperty('firedWallMs');
  expect(world.gateway.status().rules?.each?.[0]).toEqual({ rule: 'morning', nextWallMs: at('04:30:00') });
  await world.runToWall('2026-06-01T05:00:00Z');
  const [morning, warm, cold, mild] = world.gateway.status().rules?.each ?? [];
  expect({ ...morning, firedWallMs: Math.round((morning?.firedWallMs ?? 0) / 1000) * 1000 }).toEqual({
    rule: 'morning',
    firedWallMs: at('04:30:00'),
    ...NEXT,
  });
  expect(warm).not.toHaveProperty('idle');
  expect(warm?.firedWallMs ?? 0).toBeGreaterThan(at('04:10:00'));
  expect(cold).toEqual({ rule: 'cold' });
  expect(mild?.firedWallMs ?? 0).toBeGreaterThan(at('04:01:00'));
  await world.stop();
  await world.start();
  await world.runToWall('2026-06-01T05:01:00Z');
  const again = world.gateway.status().rules?.each?.[0];
  expect(again).toEqual(morning);
  await world.stop();
});

test('a rule says why it did nothing', async () => {
  const world = new RuleWorld(await configOf(site(70)), { start: '2026-06-01T04:00:00Z' });
  await world.start();
  await world.runToWall('2026-06-01T05:00:00Z');
  const [morning] = world.gateway.status().rules?.each ?? [];
  expect(morning).toMatchObject({ rule: 'morning', idle: { reason: 'does-not-hold', reading: 'hall.humidity' }, ...NEXT });
  expect(morning?.idle?.message).toMatch(/^hall\.humidity is 70(?:\.\d+)?, only_if wants below 60$/);
  expect(morning).not.toHaveProperty('firedWallMs');
  await world.stop();
});
