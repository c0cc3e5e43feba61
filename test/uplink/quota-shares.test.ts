// The gateway's use of a quota against the city's own way of counting (sentilo.md §1.10), minute for minute.

import { describe, expect, it } from 'vitest';
import { Quota } from '../../gateway/uplink/quota.ts';
import { createRandom } from '../../simulator/random.ts';
import { RateLimit } from '../../simulator/sentilo/rate-limit.ts';
import { TestClock } from '../support/test-clock.ts';
import { answerOf } from './support.ts';

const HOURS = 3;
const STEP_MS = 250;

/** Gateways that always have something to send and ask once in `pollMs`, for three hours on one quota. */
async function use(limit: number, gateways: number, pollMs: number) {
  const clock = new TestClock();
  const city = new RateLimit();
  const quotas = Array.from({ length: gateways }, (_, index) => new Quota({ clock, random: createRandom(index) }));
  const sent = quotas.map(() => 0);
  let refusedCount = 0;
  const request = (quota: Quota, method: 'GET' | 'PUT') => {
    const nowMs = clock.monotonicMs();
    const { isAllowed, remaining, resetMinutes } = city.take(nowMs, limit);
    if (!isAllowed) refusedCount++;
    const headers = {
      'x-ratelimit-inbound-limit': String(limit),
      'x-ratelimit-inbound-remaining': String(remaining),
      'x-ratelimit-inbound-reset': String(resetMinutes),
    };
    quota.heard({ method, response: answerOf(isAllowed ? 200 : 429, '', headers), beganMs: nowMs, endedMs: nowMs });
    return isAllowed;
  };
  for (let atMs = 0; atMs < HOURS * 3_600_000; atMs += STEP_MS) {
    for (const [index, quota] of quotas.entries()) {
      if ((atMs + index * 7_000) % pollMs === 0 && quota.pauseMs('ask') === 0) request(quota, 'GET');
      if (quota.pauseMs('fresh') > 0) continue;
      quota.took('fresh');
      if (request(quota, 'PUT')) sent[index] = (sent[index] ?? 0) + 1;
    }
    await clock.advance(STEP_MS);
  }
  return { refusedCount, perHour: sent.map((count) => count / HOURS) };
}

describe('a quota', () => {
  it.each([
    [10, 60_000_000],
    [60, 120_000],
    [120, 60_000],
    [500, 60_000],
    [2_000, 60_000],
  ])(
    'of %d an hour is never used up, beside a question every %d ms, and most of it is used',
    { timeout: 60_000 },
    async (limit, pollMs) => {
      const { refusedCount, perHour } = await use(limit, 1, pollMs);
      expect(refusedCount).toBe(0);
      const kept = Math.min(60, limit / 2);
      expect(perHour[0]).toBeGreaterThan(0.7 * (limit - kept));
      expect(perHour[0]).toBeLessThanOrEqual(limit - kept);
    },
  );

  it('that three gateways use without knowing of each other is shared among them', { timeout: 60_000 }, async () => {
    const { refusedCount, perHour } = await use(600, 3, 600_000);
    expect(refusedCount).toBe(0);
    expect(perHour.reduce((sum, one) => sum + one)).toBeGreaterThan(400);
    expect(Math.min(...perHour)).toBeGreaterThan(0.7 * Math.max(...perHour));
  });
});
