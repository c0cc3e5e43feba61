import { join } from 'node:path';
import type { Config, SentiloConfig } from '../../config/config.ts';
import { POLL_BESIDE_PUSHES_MS, POLL_MS } from '../../config/order-paces.ts';
import { type Clock, sleep, withDeadline } from '../../drivers/clock.ts';
import { type Host, HttpError } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { OrderOutcome, OrderRequest, Outputs } from '../outputs/output.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import type { CityProblem } from '../uplink/status.ts';
import { Wake } from '../uplink/wake.ts';
import { type BookFile, openBookFile } from './book-file.ts';
import { answerPush, openNotSigned } from './callback.ts';
import { openDesk, type Taker } from './desk.ts';
import { openHeard } from './heard.ts';
import { pollOrders } from './poll.ts';
import { keepSubscribed, unsubscribe } from './subscription.ts';

/** What is remembered of orders, in the state folder. */
const FILE_NAME = 'city-orders.state';
/** A push has a few hundred bytes; nobody needs to hash more. */
const PUSH_BYTES_MAX = 65_536;
/** How soon a port is tried again that cannot be taken. */
const PORT_AGAIN_MS = 30_000;
/** What the end of the subscriptions may take of a stop. */
const UNSUBSCRIBE_MS = 300;

/** What keeps orders of the city from coming. */
export interface OrdersStatus {
  /** Why they cannot be asked for. */
  readonly unread?: CityProblem | undefined;
  /** Why none can be pushed: the port cannot be served, in the words of the system, or the city does not have the subscriptions. */
  readonly unserved?: { readonly port: number; readonly message: string } | undefined;
  readonly unsubscribed?: CityProblem | undefined;
}

/** The orders of the city. */
export interface Orders {
  status(): OrdersStatus;
  /** Until when an order would have come here, monotonic; undefined before the first time. */
  lastHeardMs(): number | undefined;
  /** Takes them until `signal` is aborted. May be called once. Rejects only when an invariant is broken. */
  run(signal: AbortSignal): Promise<void>;
}

export interface OrdersSurroundings {
  readonly host: Pick<Host, 'clock' | 'random' | 'log' | 'bootId' | 'serve'>;
  readonly journal: Pick<Journal, 'append' | 'read' | 'lastSequence'>;
  readonly link: CityLink;
  readonly file: BookFile;
  /** What the city signs its pushes with, where there is an address for them. */
  readonly key: string | undefined;
  readonly order: (request: OrderRequest) => Promise<OrderOutcome>;
  /** Takes what became no order of an output. */
  readonly refused: Outputs['refused'];
  /** An answer is durable. */
  readonly answered: () => void;
  readonly fatal: (error: unknown) => void;
}

/** Reads what is remembered of orders. */
export function openOrdersFile(disk: Host['disk'], stateFolder: string): Promise<BookFile> {
  return openBookFile(disk, join(stateFolder, FILE_NAME));
}

/** Prepares the taking of orders; undefined where no output takes any. */
export function openOrders(config: Config, around: OrdersSurroundings): Orders | undefined {
  const { host, link, key, file, fatal } = around;
  const { sentilo } = config;
  const takers = takersOf(config);
  if (takers.length === 0 || sentilo === undefined) return undefined;
  const crowded = new Wake(host.clock);
  const heard = openHeard(host.clock);
  const desk = openDesk({ ...host, ...around, takers, ordersFrom: sentilo.ordersFrom, crowded: () => crowded.notify() });
  const pushing = sentilo.callback && key !== undefined ? { ...sentilo.callback, key } : undefined;
  const common = { ...host, link, takers, desk, fatal };
  /** What is wrong, and undefined where it is known that nothing is. */
  const status = new Map<keyof OrdersStatus, unknown>();
  const telling =
    <Way extends keyof OrdersStatus>(way: Way) =>
    (problem: OrdersStatus[Way]) => {
      status.set(way, problem);
    };
  const asked = (problem: CityProblem | undefined) => {
    telling('unread')(problem);
    if (problem === undefined) heard.asked();
  };
  const isWell = (way: keyof OrdersStatus) => status.has(way) && status.get(way) === undefined;
  const everyMs = () => (isWell('unserved') && isWell('unsubscribed') ? POLL_BESIDE_PUSHES_MS : POLL_MS);
  return {
    status: () => Object.fromEntries([...status].filter(([, problem]) => problem !== undefined)),
    lastHeardMs: heard.lastMs,
    async run(signal) {
      try {
        // A card that hangs does not keep the city from being asked.
        const loops: Promise<unknown>[] = [desk.recover(), pollOrders({ ...common, everyMs, crowded, asked }, signal)];
        if (pushing !== undefined) {
          const { provider } = sentilo;
          const notSigned = openNotSigned(host);
          const pushes = { ...common, pushed: heard.pushed, callback: pushing, provider, notSigned };
          loops.push(
            takePushes({ ...host, served: telling('unserved') }, pushing, (request) => answerPush(pushes, request), signal),
            keepSubscribed({ ...pushes, subscribed: telling('unsubscribed') }, signal),
          );
        }
        await Promise.all(loops);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        await Promise.all([desk.save(), ...(pushing === undefined ? [] : [unsubscribeSoon(common)])]);
        await file.close();
      }
    },
  };
}

/** The outputs of a site that take orders of the city. */
function takersOf({ devices }: Config): readonly Taker[] {
  return [...devices.values()].flatMap(({ id, outputs }) =>
    outputs.flatMap(({ answers, ...output }) =>
      answers === undefined ? [] : [{ ...output, answers, id: `${id}.${output.id}` }],
    ),
  );
}

/** Serves the port for pushes until `signal` is aborted. One that somebody else has is tried again: orders are polled meanwhile. */
async function takePushes(
  { clock, log, serve, served }: OrdersSurroundings['host'] & { readonly served: (problem: OrdersStatus['unserved']) => void },
  { port, listen }: NonNullable<SentiloConfig['callback']>,
  answer: Parameters<Host['serve']>[1],
  signal: AbortSignal,
): Promise<never> {
  let isTold = false;
  for (;;) {
    try {
      const stopServing = await serve({ port, listen, bodyBytesMax: PUSH_BYTES_MAX }, answer);
      served(undefined);
      if (isTold) log('info', 'city-pushes-served', { port });
      return (await sleep(clock, Number.MAX_SAFE_INTEGER, signal).finally(stopServing)) as never;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      served({ port, message: error.message });
      if (!isTold) log('error', 'city-pushes-not-served', { port, message: error.message });
      isTold = true;
    }
    await sleep(clock, PORT_AGAIN_MS, signal);
  }
}

/** What the city does not take in time is taken over by the next start. */
async function unsubscribeSoon(around: Parameters<typeof unsubscribe>[0] & { readonly clock: Clock }): Promise<void> {
  const late = () => new Error('the city takes too long');
  const { signal } = new AbortController();
  await withDeadline(around.clock, UNSUBSCRIBE_MS, signal, late, (inTime) => unsubscribe(around, inTime)).catch(() => {});
}
