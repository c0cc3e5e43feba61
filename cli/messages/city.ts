import type { OrdersStatus } from '../../gateway/orders/orders.ts';
import type { CityProblem, QuotaStatus, UplinkStatus } from '../../gateway/uplink/status.ts';
import { cityProblem, sentence } from './city-problems.ts';
import { count } from './count.ts';
import { text } from './live.ts';

const MINUTE_MS = 60_000;
/** Sensors that are named; the others are counted. */
const NAMED_MAX = 3;
/** In the city's words when it knows nothing of a sensor or an alert (sentilo.md §1.4). */
const UNKNOWN = '(404.1)';
const REGISTER =
  '`barri sentilo plan` shows what it lacks, `barri sentilo apply` registers it; it takes them in about half a minute then.';
const OTHER_WORDS = 'Ask its operator to let them in; they are tried again by themselves.';

/** What is said about the city beside whether it takes readings. */
export const cityText = {
  quota: ({ perHour, remaining, everyMs }: QuotaStatus) =>
    `the city's quota sets the pace: it allows ${count(perHour, 'request')} an hour and ${remaining} ${remaining === 1 ? 'is' : 'are'} left, so readings go out every ${everyMs < 2 * MINUTE_MS ? `${Math.round(everyMs / 1000)} s` : text.duration(everyMs)}`,
  clock: (aheadMs: number) =>
    `the city's clock is ${text.duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's: readings keep the time of this machine`,
  differing: (sensors: readonly string[]) =>
    `the city shows other values than were sent for ${sensors.join(', ')}: its server mixes sensors up. Its operator must restart the API server`,
  held: (sensors: readonly string[], words: string, by: Registrar) => [
    `does not take ${named(sensors)}`,
    `the city says: ${sentence(words)} ${words.includes(UNKNOWN) ? REMEDIES[by] : OTHER_WORDS}`,
  ],
  registered: (sensors: readonly string[]) => {
    const [number, ids] = named(sensors).split(': ');
    return `${number} ${sensors.length === 1 ? 'is' : 'are'} registered; the city takes them in about half a minute: ${ids}`;
  },
  /** Why an alarm was not taken. What says nothing of its alert is a problem of the city as any other. */
  alarmRefused: (problem: CityProblem) => {
    const words = sentence(String(problem.parameters['words'] ?? ''));
    if (problem.code === 'S404')
      return words.includes(UNKNOWN)
        ? `S404 the city has no such alert: ${words} \`barri sentilo apply\` creates it; or correct its id under \`sentilo: alerts:\`.`
        : `S404 the city takes no alarms of an alert: ${words} Ask its operator to switch it on.`;
    return problem.code === 'S403'
      ? `S403 an alert is somebody else's, who does not let this provider in: ${words} Ask the city's operator for write permission, or name another one under \`sentilo: alerts:\`.`
      : cityProblem(problem);
  },
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

/** Who tells the city of sensors: what the gateway does about its catalogue, or whoever simulates the city. */
export type Registrar = NonNullable<UplinkStatus['catalog']> | 'simulated';

/** What is done about sensors that the city does not know. */
const REMEDIES: Readonly<Record<Registrar, string>> = {
  simulated:
    'This city is simulated: write them under `sensors:` of its world file (--world), or `settings: { reject_unknown: false }`.',
  apply: 'This gateway registers them (`catalog: apply`); if they stay here, `barri sentilo plan` shows what keeps it from that.',
  check: REGISTER,
  off: REGISTER,
};

function named(sensors: readonly string[]): string {
  const more = sensors.length > NAMED_MAX ? ' …' : '';
  return `${count(sensors.length, 'sensor')}: ${sensors.slice(0, NAMED_MAX).join(', ')}${more}`;
}
