import { join } from 'node:path';
import type { Host } from './host.ts';
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
}

/** Serves `GET /status` and `GET /readings` on the gateway's socket until the returned function is called. */
export function serveLocalApi(host: Host, stateFolder: string, answers: LocalAnswers): Promise<() => Promise<void>> {
  return host.listen(socketPath(stateFolder), async ({ method, path }) => {
    if (method !== 'GET') return { status: 405, json: { error: `${method} is not allowed; this version only answers GET` } };
    if (path === '/status') return { status: 200, json: answers.status() };
    if (path === '/readings') return { status: 200, json: answers.readings() };
    return { status: 404, json: { error: `no ${path}; there are /status and /readings` } };
  });
}
