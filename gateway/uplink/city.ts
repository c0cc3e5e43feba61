import type { SentiloConfig } from '../../config/config.ts';
import { type Host, HttpError, type HttpRequest, type HttpResponse } from '../host.ts';
import { fieldIn, listIn, parseJson } from '../json.ts';
import { errorBody, failureOf, failureProblem, type Mask, type Outcome, outcomeOf, problemOf } from './answer.ts';
import { type Entry, sequencesOf } from './entry.ts';
import { dataUrl, publishBody, READ_BACK_MAX, readBackQuery } from './request.ts';
import type { CityProblem } from './status.ts';

/** The real server can keep a request waiting for ever when it is overloaded (Sentilo reference §1.1). */
const REQUEST_TIMEOUT_MS = 15_000;
/** What is long takes its time over a slow line: the catalogue of a district. */
const LONG_TIMEOUT_MS = 120_000;
/** Two hundred readings take some 30 kB; anything longer is not Sentilo. */
const ANSWER_BYTES_MAX = 1_048_576;

/** The read-back itself failed: nothing is known yet. */
export class ReadBackError extends Error {
  override readonly name = 'ReadBackError';
  readonly problem: CityProblem;
  /** The question was answered, and refused. */
  readonly isRefused: boolean;
  constructor(problem: CityProblem, isRefused: boolean, options?: ErrorOptions) {
    super(`read-back failed: ${problem.code}`, options);
    this.problem = problem;
    this.isRefused = isRefused;
  }
}

/** The questions that are put to the city. They reject with the signal's reason once it is aborted. */
export interface City {
  /** Publishes a batch. Every failure is an outcome. */
  publish(entries: readonly Entry[], signal: AbortSignal): Promise<Outcome>;
  /**
   * Which of these entries of one sensor the city holds, by one question; each stored value answers for one entry of its second and
   * text. Undefined when the city has more between them than one answer holds, so that they are to be asked for in parts.
   * `others` are entries that the city had before: one value of theirs each is left out of the count. That tells a reading
   * from an older one that a clock set back has given the same second, if their values are equal. It cannot be told when
   * nobody remembers the older one (another process delivered it, or long ago), or while that one is itself on its way.
   * @throws ReadBackError
   */
  find(entries: readonly Entry[], others: readonly Entry[], signal: AbortSignal): Promise<ReadonlySet<number> | undefined>;
  /** What the city shows of a sensor in these seconds, both included; at most the newest that one answer holds. @throws ReadBackError */
  shown(sensor: string, fromSecond: number, toSecond: number, signal: AbortSignal): Promise<readonly StoredValue[]>;
  /** Whether the city answers at all, with whatever: then there is a network. */
  isThere(signal: AbortSignal): Promise<boolean>;
}

/** How the requests of one gateway are made. */
export interface CityOptions {
  readonly config: Pick<SentiloConfig, 'url' | 'provider'>;
  readonly token: string;
  readonly mask: Mask;
  readonly userAgent: string;
  readonly ca?: string;
}

/** Makes the requests of one gateway; `answerBytesMax` where more is to be expected than of readings. */
export function requestsOf({ token, userAgent, ca }: CityOptions) {
  return (
    method: HttpRequest['method'],
    url: string,
    body?: Uint8Array,
    answerBytesMax: number = ANSWER_BYTES_MAX,
  ): HttpRequest => ({
    method,
    url,
    // The city serves one request per connection whatever it says, and a pooled one fails half of the time (§1.1).
    headers: { IDENTITY_KEY: token, 'Content-Type': 'application/json', Connection: 'close', 'User-Agent': userAgent },
    timeoutMs: answerBytesMax > ANSWER_BYTES_MAX ? LONG_TIMEOUT_MS : REQUEST_TIMEOUT_MS,
    responseBytesMax: answerBytesMax,
    ...(body === undefined ? {} : { body }),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** A value that the city holds. */
export interface StoredValue {
  readonly second: number;
  readonly value: string;
}

export function openCity(host: Pick<Host, 'http'>, options: CityOptions): City {
  const { config, mask } = options;
  const request = requestsOf(options);

  async function publish(entries: readonly Entry[], signal: AbortSignal): Promise<Outcome> {
    const sensors = new Set(entries.map((entry) => entry.sensor));
    let response: HttpResponse;
    try {
      response = await host.http(request('PUT', dataUrl(config.url, config.provider), publishBody(entries)), signal);
    } catch (error) {
      if (error instanceof HttpError) return failureOf(error, mask);
      throw error;
    }
    return outcomeOf(response, sensors, mask);
  }

  async function shown(sensor: string, fromSecond: number, toSecond: number, signal: AbortSignal): Promise<StoredValue[]> {
    const url = dataUrl(config.url, config.provider, sensor) + readBackQuery(fromSecond, toSecond);
    let response: HttpResponse;
    try {
      response = await host.http(request('GET', url), signal);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      throw new ReadBackError(failureProblem(error, mask), false, { cause: error });
    }
    const values = response.status === 200 ? storedValues(response.body) : undefined;
    if (values === undefined) {
      const problem = problemOf(response, mask);
      const isRefused =
        response.status >= 300 && response.status < 500 && response.status !== 429 && errorBody(response) === undefined;
      throw new ReadBackError(response.status === 200 ? { ...problem, code: 'S001' } : problem, isRefused);
    }
    return values;
  }

  async function find(entries: readonly Entry[], others: readonly Entry[], signal: AbortSignal) {
    const [first] = entries;
    if (first === undefined) return new Set<number>();
    const seconds = entries.map((entry) => entry.second);
    const [from, to] = [Math.min(...seconds), Math.max(...seconds)];
    const values = await shown(first.sensor, from, to, signal);
    // Of one second there is no less to ask for.
    return values.length >= READ_BACK_MAX && from < to ? undefined : match(entries, others, values);
  }

  async function isThere(signal: AbortSignal): Promise<boolean> {
    try {
      const { headers } = await host.http(request('GET', `${dataUrl(config.url, config.provider)}?limit=1`), signal);
      // What a public network answers before one signs in is no sign of one that time servers are reached over.
      return headers['x-sentilo-version'] !== undefined;
    } catch (error) {
      if (error instanceof HttpError) return false;
      throw error;
    }
  }

  return { publish, find, shown, isThere };
}

/** Sequences of the entries that are among the stored values without those of the `others`, as multisets. */
export function match(entries: readonly Entry[], others: readonly Entry[], stored: readonly StoredValue[]): ReadonlySet<number> {
  const left = new Map<string, number>();
  const key = ({ second, value }: StoredValue) => `${second} ${value}`;
  for (const value of stored) left.set(key(value), (left.get(key(value)) ?? 0) + 1);
  for (const other of others) left.set(key(other), (left.get(key(other)) ?? 0) - 1);
  const found = entries.filter((entry) => {
    const count = left.get(key(entry)) ?? 0;
    left.set(key(entry), count - 1);
    return count > 0;
  });
  return new Set(sequencesOf(found));
}

/** `{"observations":[{"value","time"}]}` with `time` in milliseconds, or undefined when it is anything else. */
function storedValues(body: Uint8Array): StoredValue[] | undefined {
  const list = listIn(parseJson(body), 'observations');
  const values = list?.map((item): StoredValue | undefined => {
    const [value, time] = [fieldIn(item, 'value'), fieldIn(item, 'time')];
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return isPlain && typeof time === 'number' ? { second: Math.floor(time / 1000), value: String(value) } : undefined;
  });
  return values?.every((value) => value !== undefined) ? values : undefined;
}
