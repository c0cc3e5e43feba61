import type { BusConfig } from '../config/config.ts';
import type { Io } from './io.ts';

/** What a gateway needs beside its buses: each write of the journal takes a thread, and looking up names up to half of them. */
const THREADS_OF_THE_REST = 4;
/** With so many left when every bus hangs nothing stands still: one for the journal, one for a name that is looked up. */
const THREADS_LEFT_MIN = 2;
/** As many as libuv makes where the environment says nothing. */
const THREADS_DEFAULT = 4;

/** How many threads for native calls a site should have, when the environment gives it too few. */
export interface TooFewThreads {
  readonly found: number;
  readonly wanted: number;
  /** Buses each of which can hold a thread for ever. */
  readonly busCount: number;
}

/**
 * Whether calls that hang could hold every thread: one for each bus whose driver lives in this machine. The number is fixed
 * before a program begins, so only the environment can say it.
 */
export function tooFewThreads(buses: Iterable<Pick<BusConfig, 'type'>>, env: Io['env']): TooFewThreads | undefined {
  const busCount = [...buses].filter(({ type }) => type !== 'modbus-tcp').length;
  const wanted = THREADS_OF_THE_REST + busCount;
  const said = env['UV_THREADPOOL_SIZE'];
  // Of what is no number libuv makes one thread.
  const found = said === undefined ? THREADS_DEFAULT : Math.max(1, Number.parseInt(said, 10) || 0);
  return busCount > 0 && found - busCount < THREADS_LEFT_MIN ? { found, wanted, busCount } : undefined;
}
