import type { OrdersStatus } from '../../gateway/orders/orders.ts';
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
  /** What keeps orders from coming, besides that the city does not answer at all. */
  orders: {
    label: 'Orders',
    unread: (words: string) => `cannot be read: ${words}`,
    unserved: ({ port, message }: NonNullable<OrdersStatus['unserved']>) =>
      `the city cannot push them: port ${port} of this machine cannot be served (${message}). They are asked for every ten seconds meanwhile`,
    unsubscribed: (words: string) =>
      `the city does not push them all: it did not take a subscription. They are asked for every ten seconds meanwhile. ${words}`,
  },
} as const;
