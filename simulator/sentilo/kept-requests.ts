import { z } from 'zod';
import type { CityRequest } from './answer.ts';
import type { City, Mishap } from './city.ts';
import type { World } from './world.ts';

const mishap = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status'), status: z.int() }),
  z.strictObject({ kind: z.literal('partial'), storedFraction: z.number() }),
  z.strictObject({ kind: z.literal('forget-sensors') }),
]);

/** A request as it is kept: whose it was in the place of the token, and the body with one character for each byte. */
const kept = z.strictObject({
  nowMs: z.number(),
  entity: z.string(),
  method: z.string(),
  target: z.string(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
  bodyFailure: z.string().optional(),
  mishap: mishap.optional(),
});

/** What each line begins with. */
export const LINE_START = '{"nowMs":';

type Kept = z.output<typeof kept>;

/** What may have been done: a batch that is refused in part has a 404, and a 500 leaves the beginning of one. */
const CHANGED: readonly number[] = [200, 404, 500];

/** A line that is none of those that were kept. */
export class NotKept extends Error {
  override readonly name = 'NotKept';
}

/**
 * The same city, which gives `keep` a line of text for each request that can have changed what it holds. A city is a function
 * of its requests and their times: with the same ones another city comes to hold the same (`replay`).
 */
export function keepingRequests(city: City, keep: (line: string) => void): City {
  return {
    handle: (request, nowMs, mishap) => {
      const answer = city.handle(request, nowMs, mishap);
      const isChange = request.method !== 'GET' && CHANGED.includes(answer.status);
      if (isChange && answer.entity !== undefined) keep(lineOf(request, nowMs, answer.entity, mishap));
      return answer;
    },
    changeEntity: (id, change, nowMs) => city.changeEntity(id, change, nowMs),
    restart: (nowMs) => city.restart(nowMs),
    mixUp: (...sensors) => city.mixUp(...sensors),
    observations: (provider, sensor) => city.observations(provider, sensor),
    pushes: city.pushes,
    get requestCount() {
      return city.requestCount;
    },
  };
}

function lineOf(
  { method, target, headers, body, bodyFailure }: CityRequest,
  nowMs: number,
  entity: string,
  mishap?: Mishap,
): string {
  const line: Kept = {
    // First, for LINE_START.
    ...{ nowMs, entity, method, target },
    headers: headers.filter(([name]) => !isToken(name)).map(([name, value]) => [name, value]),
    body: Buffer.from(body).toString('latin1'),
    ...(bodyFailure !== undefined && { bodyFailure }),
    ...(mishap !== undefined && { mishap }),
  };
  return JSON.stringify(line);
}

/** Each starts with what was kept first; `makeCity` is given the time at which the server must have been started for it. */
export function replay(world: World, lines: readonly string[], makeCity: (startedMs: number | undefined) => City): City {
  const requests = lines.map(understood);
  const [first] = requests;
  const city = makeCity(first === undefined ? undefined : first.nowMs - world.settings.startingMs);
  const tokens = new Map(world.entities.map(({ id, token }) => [id, token]));
  for (const { nowMs, entity, method, target, headers, body, bodyFailure, mishap } of requests) {
    const token = tokens.get(entity);
    // The world has lost whoever sent it, and with them all that was theirs.
    if (token === undefined) continue;
    const request: CityRequest = {
      ...{ method, target, headers: [...headers, ['IDENTITY_KEY', token]], body: Buffer.from(body, 'latin1') },
      ...(bodyFailure !== undefined && { bodyFailure }),
    };
    city.handle(request, nowMs, mishap);
    // Whoever was to be told was told then.
    for (let push = city.pushes.next(nowMs); push !== undefined; push = city.pushes.next(nowMs))
      city.pushes.done(push, true, nowMs);
  }
  return city;
}

function understood(line: string, index: number): Kept {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    // Said below, with its place.
  }
  const { data } = kept.safeParse(json);
  if (data === undefined) throw new NotKept(`line ${index + 1} is no request that a simulated city has kept`);
  return data;
}

function isToken(header: string): boolean {
  return header.toLowerCase() === 'identity_key';
}
