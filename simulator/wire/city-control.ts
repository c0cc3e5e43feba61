import { createServer, type IncomingMessage } from 'node:http';
import type { Clock } from '../../drivers/clock.ts';
import { CITY_FAULTS, FaultNotUnderstood, type FaultSwitch, faultKind } from '../sentilo/fault-switch.ts';
import { listen } from './listen.ts';

/** Whoever switches faults sits at this machine, wherever the city listens. */
const LOOPBACK = '127.0.0.1';
const BODY_BYTES_MAX = 64 * 1024;
const PATH = '/faults';

/** Where the faults of a city are switched while it runs. */
export interface CityControl {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * Serves, on this machine only, `GET /faults` (which are on), `POST /faults` (switches one on), `DELETE /faults` and
 * `DELETE /faults/<fault>`; each answers with those that are on then. It has a port of its own: the city's may be refused or
 * all its workers kept waiting, and there it would be a path that the real server does not have. Rejects with the listen error.
 *
 * @param changed called after each change
 */
export async function serveControl(
  faults: FaultSwitch,
  options: { readonly port: number; readonly clock: Clock; readonly changed: () => void },
): Promise<CityControl> {
  const server = createServer((request, response) => {
    answerOf(request, faults, options).then(
      ({ status, json }) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(json)}\n`),
      // A bug of ours must end the program: thrown here it would vanish in the promise.
      (error: unknown) =>
        setImmediate(() => {
          throw error;
        }),
    );
  });
  const port = await listen(server, { host: LOOPBACK, port: options.port });
  return {
    port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answerOf(
  request: IncomingMessage,
  faults: FaultSwitch,
  { clock, changed }: { readonly clock: Clock; readonly changed: () => void },
): Promise<Answer> {
  const { method, url = '' } = request;
  const now = (): Answer => ({ status: 200, json: { faults: faults.shown(clock.monotonicMs()) } });
  const kind = url.startsWith(`${PATH}/`) ? faultKind(url.slice(PATH.length + 1)) : undefined;
  if (url !== PATH && kind === undefined) return noSuchPath(url);
  if (method === 'GET' && url === PATH) return now();
  if (method === 'DELETE') {
    faults.off(kind);
    changed();
    return now();
  }
  if (method !== 'POST' || kind !== undefined) return { status: 405, json: { error: `${method} ${url} is not possible` } };
  // Who breaks off in the middle of it gets no answer, whatever that is.
  const body = await textOf(request).catch(() => undefined);
  if (body === undefined) return { status: 413, json: { error: `a fault has at most ${BODY_BYTES_MAX} bytes` } };
  try {
    faults.on(body, clock.monotonicMs());
  } catch (error) {
    if (!(error instanceof FaultNotUnderstood)) throw error;
    return { status: 400, json: { error: error.message } };
  }
  changed();
  return now();
}

function noSuchPath(url: string): Answer {
  const words = Object.keys(CITY_FAULTS).join(', ');
  return { status: 404, json: { error: `no ${url}; there is ${PATH}, and ${PATH}/<fault> with one of ${words}` } };
}

/** Undefined when it is too long. */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of request) {
    sizeBytes += part.length;
    if (sizeBytes <= BODY_BYTES_MAX) parts.push(part);
  }
  return sizeBytes <= BODY_BYTES_MAX ? Buffer.concat(parts).toString('utf8') : undefined;
}
