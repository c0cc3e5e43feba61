import { join } from 'node:path';
import type { BusReport } from './bus-report.ts';
import { DiskError, type Host, type LocalRequest, type LocalResponse } from './host.ts';
import { isObject, parseJson } from './json.ts';
import type { OrderOutcome, OrderRequest, OutputState } from './outputs/output.ts';
import type { GatewayStatus, ReadingRow } from './status.ts';

/** Name of the Unix socket in the state folder. */
const SOCKET_NAME = 'api.sock';

/** Where a gateway with this state folder answers. */
export function socketPath(stateFolder: string): string {
  return join(stateFolder, SOCKET_NAME);
}

/** An order is not begun later than this after it was asked for: whoever asked is told by then what is known of it. */
export const BEGIN_MS_MAX = 45_000;

/** What the local API can tell. */
export interface LocalAnswers {
  readonly status: () => GatewayStatus;
  readonly readings: () => readonly ReadingRow[];
  readonly buses: () => readonly BusReport[];
  readonly outputs: () => readonly OutputState[];
  readonly order: (request: OrderRequest) => Promise<OrderOutcome>;
}

/** What `POST /outputs` answers: what became of the order, or only that it was none. */
export type OrderAnswer =
  | (Extract<OrderOutcome, { done: true }> & {
      /** Until the output goes back to its safe state by itself; undefined where it stays. */
      readonly backInMs?: number;
      /** What takes it back then: `forMs` of the order, or what limits the output. */
      readonly backBy?: 'for' | 'max_on';
    })
  | Extract<OrderOutcome, { done: false }>
  | { readonly error?: string };

/** What a card that fails says, or one that is full: nobody can ask the gateway then, which measures and delivers all the same. */
const CARD_CODES = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EIO']);
const RETRY_MS = 30_000;

/**
 * Serves `GET /status`, `/readings`, `/buses` and `/outputs`, and `POST /outputs` with `{ output, on, forMs?, by }`, on the
 * gateway's socket until the returned function is called. An order is not begun when whoever asked has gone. While the card
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
  const shown: Readonly<Record<string, () => unknown>> = {
    '/status': answers.status,
    '/readings': answers.readings,
    '/buses': answers.buses,
    '/outputs': answers.outputs,
  };
  return host.listen(socketPath(stateFolder), async ({ method, path, body, gone }) => {
    if (method === 'POST' && path === '/outputs') return order(answers, { body, gone }, host);
    if (method !== 'GET') return { status: 405, json: { error: `${method} ${path} is not allowed; only POST /outputs is` } };
    const show = Object.hasOwn(shown, path) ? shown[path] : undefined;
    if (show !== undefined) return { status: 200, json: show() };
    return { status: 404, json: { error: `no ${path}; there are ${Object.keys(shown).join(', ')}` } };
  });
}

async function order(
  answers: LocalAnswers,
  { body, gone }: Pick<LocalRequest, 'body' | 'gone'>,
  { clock }: Pick<Host, 'clock'>,
): Promise<LocalResponse> {
  const asked = orderOf(body);
  const expected = 'expected {"output": "device.output", "on": true or false, "forMs": above 0, "by": a name}';
  if (asked === undefined) return { status: 400, json: { error: expected } };
  const askedMs = clock.monotonicMs();
  const outcome = await answers.order({ ...asked, source: 'local', untilMs: askedMs + BEGIN_MS_MAX, gone });
  if (!outcome.done) return { status: 200, json: outcome };
  const state = answers.outputs().find(({ output }) => output === asked.output);
  if (state?.backInMs === undefined) return { status: 200, json: outcome };
  // The time that was ordered began after `askedMs`: what is over before it is no such end.
  const orderedMs = askedMs + (asked.forMs ?? Number.POSITIVE_INFINITY);
  const backBy = clock.monotonicMs() + state.backInMs < orderedMs ? 'max_on' : 'for';
  const answer: OrderAnswer = { ...outcome, backInMs: state.backInMs, backBy };
  return { status: 200, json: answer };
}

/** Undefined for anything else than an order. */
function orderOf(body: string): Omit<OrderRequest, 'source'> | undefined {
  const json = parseJson(body);
  if (!isObject(json)) return undefined;
  const { output, on, forMs, by } = json;
  if (typeof output !== 'string' || typeof on !== 'boolean' || typeof by !== 'string') return undefined;
  if (forMs === undefined) return { output, on, by };
  return typeof forMs === 'number' && forMs > 0 && Number.isFinite(forMs) ? { output, on, by, forMs } : undefined;
}
