import type { BusPlan, DevicePlan, RequestPlan } from '../../config/bus-plan.ts';
import { timeTaken as time } from '../../config/duration.ts';
import { count } from './count.ts';
import { period } from './period.ts';

/** What `barri check` says about buses. */
export const text = {
  bus: ({ bus, type, baud, requestCount, lineMs, roundMs, share, shortestMs }: BusPlan) => {
    const kind = baud === undefined ? type : `${type}, ${baud} baud`;
    const wire = lineMs === 0 ? '' : `, ${time(lineMs)} of it on the wire`;
    const round = `${count(requestCount, 'request')} a round, about ${time(roundMs)}${wire}`;
    return `bus ${bus} (${kind}): ${round}; ${percent(share)} busy, shortest period for all ${period(shortestMs)}`;
  },
  device: ({ requests, everyMs }: DevicePlan) => {
    const tookMs = requests.reduce((sum, request) => sum + request.tookMs, 0);
    return `${count(requests.length, 'request')}, about ${time(tookMs)}, every ${period(everyMs)}`;
  },
  extra: (requests: readonly RequestPlan[]) =>
    `one more request for ${requests.map(({ readings, tookMs }) => `${readings.join(', ')} (${time(tookMs)})`).join('; for ')}`,
};

function percent(share: number): string {
  return share < 0.01 ? 'less than 1 %' : `${Math.round(100 * share)} %`;
}
