import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../../drivers/clock.ts';
import type { City } from '../sentilo/city.ts';
import { EntityRefused } from '../sentilo/entities.ts';
import { CITY_FAULTS, FaultNotUnderstood, type FaultSwitch, faultKind } from '../sentilo/fault-switch.ts';
import { listen } from './listen.ts';

/** Whoever switches faults sits at this machine, wherever the city listens. */
const LOOPBACK = '127.0.0.1';
/** How a name of this machine is written in a URL. */
const OWN_HOST = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/i;
const BODY_BYTES_MAX = 64 * 1024;
const FAULTS = '/faults';
const ENTITIES = '/entities';

const EXPECTED = 'expected {"entity": "<provider>", "active": false}, or "token" with another one';
/** What each key of a change takes, in words. */
const TAKES: Readonly<Record<string, string>> = {
  entity: 'a text',
  active: 'true or false',
  token: 'one or more printable characters of ASCII without spaces, which is all that a header can carry',
};

const change = z.strictObject({
  entity: z.string(),
  active: z.boolean().optional(),
  token: z
    .string()
    .regex(/^[!-~]+$/)
    .optional(),
});

/** Where a city is meddled with while it runs. */
export interface CityControl {
  readonly port: number;
  close(): Promise<void>;
}

interface ControlOptions {
  readonly port: number;
  readonly city: City;
  readonly faults: FaultSwitch;
  readonly clock: Clock;
  /** Called after each change of the faults. */
  readonly changed: () => void;
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * Serves, on this machine only, `GET /faults` (which are on), `POST /faults` (switches one on), `DELETE /faults` and
 * `DELETE /faults/<fault>`, each of which answers with those that are on then; and `POST /entities`, which revokes, gives back or
 * changes a token. It has a port of its own: the city's may be refused or all its workers kept waiting, and there it would be a
 * path that the real server does not have. Rejects with the listen error.
 */
export async function serveControl(options: ControlOptions): Promise<CityControl> {
  const server = createServer((request, response) => {
    answerOf(request, options).then(
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

async function answerOf(request: IncomingMessage, options: ControlOptions): Promise<Answer> {
  const { method, url = '', headers } = request;
  if (!isOwn(headers)) return refused(403, 'only for programs and pages of this machine: call it 127.0.0.1 or localhost');
  const { faults, clock, changed } = options;
  const now = (): Answer => ({ status: 200, json: { faults: faults.shown(clock.monotonicMs()) } });
  const kind = url.startsWith(`${FAULTS}/`) ? faultKind(url.slice(FAULTS.length + 1)) : undefined;
  if (url !== FAULTS && url !== ENTITIES && kind === undefined) return noSuchPath(url);
  if (method === 'GET' && url === FAULTS) return now();
  if (method === 'DELETE' && url !== ENTITIES) {
    faults.off(kind);
    changed();
    return now();
  }
  if (method !== 'POST' || kind !== undefined) return refused(405, `${method} ${url} is not possible`);
  // Who breaks off in the middle of it gets no answer, whatever that is.
  const body = await textOf(request).catch(() => undefined);
  if (body === undefined) return refused(413, `a request has at most ${BODY_BYTES_MAX} bytes`);
  try {
    if (url === ENTITIES) return changeEntity(body, options);
    faults.on(body, clock.monotonicMs());
  } catch (error) {
    if (error instanceof FaultNotUnderstood || error instanceof EntityRefused) return refused(400, error.message);
    throw error;
  }
  changed();
  return now();
}

/**
 * Whether a request is not made by the page of some site in a browser of this machine: that has an Origin, and where the name of the
 * site was led to this machine, the name stands in Host.
 */
function isOwn({ host, origin }: IncomingHttpHeaders): boolean {
  return isOwnUrl(`http://${host ?? LOOPBACK}`) && (origin === undefined || isOwnUrl(origin));
}

function isOwnUrl(text: string): boolean {
  return OWN_HOST.test(URL.canParse(text) ? new URL(text).hostname : '');
}

/** Tells when it counts, and never a token. */
function changeEntity(body: string, { city, clock }: ControlOptions): Answer {
  const json = jsonOf(body);
  const { data, error } = change.safeParse(json);
  if (data === undefined) return refused(400, misfit(json, error.issues[0]));
  const { entity, active: isActive, token } = data;
  if (isActive === undefined && token === undefined) return refused(400, `nothing to change: ${EXPECTED}`);
  const { ms } = clock.wall();
  const dueMs = city.changeEntity(
    entity,
    { ...(isActive !== undefined && { isActive }), ...(token !== undefined && { token }) },
    ms,
  );
  return { status: 200, json: { entity, inMs: Math.max(0, dueMs - ms) } };
}

/** What is wrong with a change, by its key. A token is shown to nobody. */
function misfit(json: unknown, issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'unrecognized_keys') return `there is no "${issue.keys[0]}": ${EXPECTED}`;
  const key = String(issue?.path[0] ?? '');
  const takes = TAKES[key];
  if (takes === undefined) return EXPECTED;
  const found = (json as Readonly<Record<string, unknown>>)[key];
  if (found === undefined) return `"${key}" is missing: ${EXPECTED}`;
  return `"${key}" is ${takes}${key === 'token' ? '' : `, and ${JSON.stringify(found)} stands there`}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is expected is said where it is looked at.
    return undefined;
  }
}

function refused(status: number, error: string): Answer {
  return { status, json: { error } };
}

function noSuchPath(url: string): Answer {
  const words = Object.keys(CITY_FAULTS).join(', ');
  return refused(404, `no ${url}; there is ${ENTITIES}, ${FAULTS}, and ${FAULTS}/<fault> with one of ${words}`);
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
