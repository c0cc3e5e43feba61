import { join } from 'node:path';
import type { BusReport } from './bus-report.ts';
import { DiskError, type Host } from './host.ts';
import type { GatewayStatus, ReadingRow } from './status.ts';

/** Name of the Unix socket in the state folder. */
const SOCKET_NAME = 'api.sock';

/** Where a gateway with this state folder answers. */
export function socketPath(stateFolder: string): string {
  return join(stateFolder, SOCKET_NAME);
}

/** What the local API can tell. */
export interface LocalAnswers {
  readonly status: () => GatewayStatus;
  readonly readings: () => readonly ReadingRow[];
  readonly buses: () => readonly BusReport[];
}

/** What a card that fails says, or one that is full: nobody can ask the gateway then, which measures and delivers all the same. */
const CARD_CODES = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EIO']);
const RETRY_MS = 30_000;

/**
 * Serves `GET /status`, `GET /readings` and `GET /buses` on the gateway's socket until the returned function is called. While the card
 * does not take the socket, it is tried again.
 * `fatal` takes a broken invariant of ours.
 * @throws DiskError when that would be in vain
 */
export async function serveLocalApi(
  host: Host,
  stateFolder: string,
  answers: LocalAnswers,
  fatal: (error: unknown) => void,
): Promise<() => Promise<void>> {
  let stopServing = async () => {};
  let cancelRetry = () => {};
  let isStopped = false;
  const serve = async (isFirst: boolean): Promise<void> => {
    try {
      stopServing = await listen(host, stateFolder, answers);
      if (isStopped) await stopServing();
      else if (!isFirst) host.log('info', 'local-api-served');
    } catch (error) {
      if (!(error instanceof DiskError && (CARD_CODES.has(error.code) || !isFirst))) throw error;
      if (isFirst) host.log('error', 'local-api-not-served', { message: error.message });
      if (!isStopped) cancelRetry = host.clock.timer(RETRY_MS, () => serve(false).catch(fatal));
    }
  };
  await serve(true);
  return async () => {
    isStopped = true;
    cancelRetry();
    await stopServing();
  };
}

function listen(host: Host, stateFolder: string, answers: LocalAnswers): Promise<() => Promise<void>> {
  return host.listen(socketPath(stateFolder), async ({ method, path }) => {
    if (method !== 'GET') return { status: 405, json: { error: `${method} is not allowed; this version only answers GET` } };
    if (path === '/status') return { status: 200, json: answers.status() };
    if (path === '/readings') return { status: 200, json: answers.readings() };
    if (path === '/buses') return { status: 200, json: answers.buses() };
    return { status: 404, json: { error: `no ${path}; there are /status, /readings and /buses` } };
  });
}
