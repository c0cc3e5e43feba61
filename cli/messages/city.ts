import type { QuotaStatus } from '../../gateway/uplink/status.ts';
import { count } from './count.ts';
import { text } from './live.ts';

/** What is said about the city beside whether it takes readings. */
export const cityText = {
  quota: ({ perHour, remaining, everyMs }: QuotaStatus) =>
    `the city's quota sets the pace: it allows ${count(perHour, 'request')} an hour and ${remaining} ${remaining === 1 ? 'is' : 'are'} left, so readings go out every ${Math.round(everyMs / 1000)} s`,
  clock: (aheadMs: number) =>
    `the city's clock is ${text.duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's: readings keep the time of this machine`,
  differing: (sensors: readonly string[]) =>
    `the city shows other values than were sent for ${sensors.join(', ')}: its server mixes sensors up. Its operator must restart the API server`,
} as const;
