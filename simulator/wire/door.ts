import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../drivers/clock.ts';
import type { Fault } from '../faults.ts';
import { listen, type Place } from './listen.ts';

/** Connections at all, those waiting for their reset included; one more is closed as it comes. */
const CONNECTIONS_MAX = 1_000;
/** Somebody else took the port while it was shut: it is tried again so often. */
const REOPEN_MS = 1_000;

/** A port that can be shut for a while: then connections to it are refused, as those to a server that does not run. */
interface Door {
  readonly port: number;
  /** Connections that are there already stay. Rejects with the listen error. */
  setOpen(isOpen: boolean): Promise<void>;
  /** For good; resolves once the last connection is gone. */
  close(): Promise<void>;
}

/** Listens at a place. Rejects with the listen error (EADDRINUSE, EACCES …). */
export async function openDoor(accept: (socket: Socket) => void, place: Place): Promise<Door> {
  const start = async (port: number) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accept);
    server.maxConnections = CONNECTIONS_MAX;
    return { server, port: await listen(server, { ...place, port }) };
  };
  const { server, port } = await start(place.port);
  let listening: Server | undefined = server;
  // One change after the other: whoever is fast could shut what is not open yet.
  let lastChange: Promise<void> = Promise.resolve();
  const change = (work: () => Promise<void>) => {
    const done = lastChange.then(work);
    lastChange = done.catch(() => {});
    return done;
  };
  return {
    port,
    setOpen: (isOpen) =>
      change(async () => {
        if (isOpen) listening ??= (await start(port)).server;
        else listening?.close();
        if (!isOpen) listening = undefined;
      }),
    close: () =>
      change(async () => {
        const last = listening;
        if (last !== undefined) await new Promise((resolve) => last.close(resolve));
      }),
  };
}

/** Shuts the door while a fault `refuse` is certain, from the first call of `again` on, until `end`. */
export function followRefusals(
  door: Door,
  { clock, trouble }: { readonly clock: Clock; readonly trouble?: { readonly faults: readonly Fault[] } },
): { again(): void; end(): void } {
  let cancel = () => {};
  let isOver = false;
  const after = (delayMs: number) => {
    cancel();
    cancel = clock.timer(delayMs, again);
  };
  const again = () => {
    cancel();
    if (isOver) return;
    const nowMs = clock.monotonicMs();
    const refusals = (trouble?.faults ?? []).filter((fault) => fault.at === 'city' && fault.kind === 'refuse' && fault.rate >= 1);
    const edges = refusals.flatMap(({ fromMs, toMs }) => [fromMs, toMs]).filter((atMs) => atMs > nowMs && atMs < Infinity);
    if (edges.length > 0) after(Math.min(...edges) - nowMs);
    const isRefused = refusals.some(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
    door.setOpen(!isRefused).catch(() => after(REOPEN_MS));
  };
  return {
    again,
    end: () => {
      isOver = true;
      cancel();
    },
  };
}
