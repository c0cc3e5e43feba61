import { describe, expect, test } from 'vitest';
import type { SignalConfig } from '../../../config/config.ts';
import { model } from '../../../simulator/devices/pulse-counter.ts';
import { constant, context } from '../site.ts';

const HOUR_MS = 3_600_000;

interface Closing {
  readonly atMs: number;
  readonly forMs: number;
}

/** Follows the pin edge by edge, and gives the times at which the contact closed and for how long, bounces left out. */
function closings(
  options: Readonly<Record<string, unknown>>,
  signals: Record<string, (atMs: number) => number>,
  untilMs: number,
) {
  const simulate: Record<string, SignalConfig> = Object.fromEntries(Object.keys(signals).map((id) => [id, constant(0)]));
  const around = context({ driver: 'pulse-counter', with: options, simulate }, {});
  const { drives } = model({ ...around, signal: (reading, atMs) => signals[reading]?.(atMs) ?? 0 });
  if (drives === undefined) throw new Error('it drives nothing');
  const closed: boolean = options['pull'] === 'down';
  const edges: { atMs: number; isClosed: boolean }[] = [];
  let isClosed = false;
  let looks = 0;
  for (let atMs: number | undefined = 0; atMs !== undefined && atMs <= untilMs; atMs = drives.nextChangeMs(atMs)) {
    looks += 1;
    if ((drives.level(atMs) === closed) === isClosed) continue;
    isClosed = !isClosed;
    edges.push({ atMs, isClosed });
  }
  const found: Closing[] = [];
  let openedMs = Number.NEGATIVE_INFINITY;
  edges.forEach(({ atMs, isClosed: closes }, i) => {
    if (!closes) openedMs = atMs;
    else if (atMs - openedMs > 10) found.push({ atMs, forMs: (edges[i + 3]?.atMs ?? edges[i + 1]?.atMs ?? atMs) - atMs });
  });
  return { found, edgeCount: edges.length, looks };
}

describe('a rain gauge', () => {
  const gauge = { pull: 'up', debounce: 50, per_tip: 0.2 };

  test('tips once for every so much rain, evenly', () => {
    // 6 mm/h in tips of 0.2 mm: one every two minutes, the first when 0.2 mm have come down.
    const { found } = closings(gauge, { rain: () => 6 }, HOUR_MS);
    expect(found.map(({ atMs }) => Math.round(atMs))).toEqual(Array.from({ length: 30 }, (_, i) => (i + 1) * 120_000));
    for (const { forMs } of found.slice(0, -1)) expect(forMs).toBeGreaterThanOrEqual(100);
  });

  test('bounces three times as it closes and as it opens', () => {
    expect(closings(gauge, { rain: () => 6 }, HOUR_MS).edgeCount).toBe(30 * 6 - 6 + 1);
  });

  test('keeps what is in its bucket until the next rain', () => {
    const rain = (atMs: number) => (atMs < 90_000 || atMs >= HOUR_MS ? 6 : 0);
    const { found } = closings(gauge, { rain }, HOUR_MS + 180_000);
    expect(found.map(({ atMs }) => Math.round(atMs - HOUR_MS))).toEqual([30_000, 150_000]);
  });
});

test('a flow meter gives its pulses for each litre, and its transistor does not bounce', () => {
  const meter = { pull: 'down', debounce: 2, pulses_per_litre: 450 };
  // 10 L in a minute; the last pulse comes with its end.
  const { found, edgeCount } = closings(meter, { flow: () => 10 }, 59_999);
  expect(edgeCount).toBe(2 * 4499);
  expect(found.length).toBeLessThanOrEqual(4499);
});

test('a dry line is looked at once in a while only, and negative flow is none', () => {
  const { edgeCount, looks } = closings({ pull: 'up', debounce: 2, pulses_per_litre: 450 }, { flow: () => -0.1 }, HOUR_MS);
  expect(edgeCount).toBe(0);
  expect(looks).toBeLessThanOrEqual(HOUR_MS / 10_000 + 1);
});
