import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Host } from '../host.ts';
import type { Journal } from '../journal/journal.ts';
import type { OrderOutcome, OrderRequest } from '../outputs/output.ts';
import type { CityLink } from '../uplink/sentilo.ts';
import { type BookFile, openBookFile } from './book-file.ts';
import { openDesk, type Taker } from './desk.ts';
import { pollOrders } from './poll.ts';

/** What is remembered of orders, in the state folder. */
const FILE_NAME = 'city-orders.state';

/** The orders of the city. */
export interface Orders {
  /** Takes them until `signal` is aborted. May be called once. Rejects only when an invariant is broken. */
  run(signal: AbortSignal): Promise<void>;
}

export interface OrdersSurroundings {
  readonly host: Pick<Host, 'clock' | 'random' | 'log' | 'bootId'>;
  readonly journal: Pick<Journal, 'append' | 'read' | 'lastSequence'>;
  readonly link: CityLink;
  readonly file: BookFile;
  readonly order: (request: OrderRequest) => Promise<OrderOutcome>;
  /** An answer is durable. */
  readonly answered: () => void;
  readonly fatal: (error: unknown) => void;
}

/** The outputs of a site that take orders of the city. */
function takersOf({ devices }: Config): readonly Taker[] {
  return [...devices.values()].flatMap(({ id, outputs }) =>
    outputs.flatMap(({ answers, ...output }) =>
      answers === undefined ? [] : [{ ...output, answers, id: `${id}.${output.id}` }],
    ),
  );
}

/** Reads what is remembered of orders. */
export function openOrdersFile(disk: Host['disk'], stateFolder: string): Promise<BookFile> {
  return openBookFile(disk, join(stateFolder, FILE_NAME));
}

/** Prepares the taking of orders; undefined where no output takes any. */
export function openOrders(config: Config, around: OrdersSurroundings): Orders | undefined {
  const { host, journal, link, file, order, answered, fatal } = around;
  const takers = takersOf(config);
  if (takers.length === 0) return undefined;
  const ordersFrom = config.sentilo?.ordersFrom ?? [];
  const desk = openDesk({ ...host, journal, file, takers, ordersFrom, order, answered, fatal });
  return {
    async run(signal) {
      try {
        await desk.recover();
        await pollOrders({ ...host, link, takers, desk, heard: () => {} }, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        await desk.save();
        await file.close();
      }
    },
  };
}
