// Drains a backlog into a sink in this process. Arguments: readings, readings a batch, milliseconds of a round trip, and where from:
// a journal in `memory` or on `disk`, or `plain`. Prints what it took as JSON. One drain a process, so that nothing is compiled
// for the one before.
//
// `plain` is what remains when nothing has to be kept: the readings stand in an array, each batch is made into JSON and sent.

import { setTimeout as sleep } from 'node:timers/promises';
import { optimiseLate } from '../../../cli/optimise-late.ts';
import type { Http, HttpRequest, HttpResponse } from '../../../gateway/host.ts';
import type { Observation } from '../../../gateway/record.ts';
import { type Drained, makeBacklog, readingsOf, sumOf } from './backlog.ts';
import type { Figures } from './figures.ts';

const [readings, batchText, roundTripMs, where] = process.argv.slice(2);
const batch = Number(batchText);
const SENSOR_COUNT = 200;
const STORED: HttpResponse = { status: 200, headers: { 'x-sentilo-version': '2.0.0' }, body: new Uint8Array() };

optimiseLate();
const bodies: Uint8Array[] = [];
const http: Http = async ({ body = new Uint8Array() }) => {
  bodies.push(body);
  if (Number(roundTripMs) > 0) await sleep(Number(roundTripMs));
  return STORED;
};
const count = Number(readings);
const { ms, cpuUs } = where === 'plain' ? await sendInMemory() : await drain();
process.stdout.write(`${JSON.stringify({ perSecond: (1_000 * count) / ms, cpuUs: cpuUs / count } satisfies Figures)}\n`);
process.exit(0);

async function drain(): Promise<Drained> {
  const backlog = await makeBacklog({ count, sensorCount: SENSOR_COUNT, isOnDisk: where === 'disk' });
  const drained = await backlog.drain({ http, batch });
  backlog.remove();
  checkArrival(backlog.sum);
  return drained;
}

async function sendInMemory(): Promise<Drained> {
  const all = readingsOf({ count, sensorCount: SENSOR_COUNT });
  const sent = await sendPlainly(all);
  checkArrival(sumOf(all));
  return sent;
}

async function sendPlainly(all: readonly Observation[]): Promise<Drained> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (let from = 0; from < all.length; from += batch) {
    const sensors = all.slice(from, from + batch).map(({ sensor, value, wallMs }) => {
      const [date = '', time] = new Date(wallMs).toISOString().split(/[T.]/);
      const timestamp = `${date.split('-').reverse().join('/')}T${time}`;
      return { sensor, observations: [{ value: String(value), timestamp }] };
    });
    const body = new TextEncoder().encode(JSON.stringify({ sensors }));
    await http({ body } as HttpRequest, new AbortController().signal);
  }
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startMs, cpuUs: user + system };
}

/** A pipe that loses something is fast too. */
function checkArrival(sum: number): void {
  const totals = { count: 0, sum: 0 };
  for (const body of bodies) {
    const { sensors } = JSON.parse(new TextDecoder().decode(body)) as { sensors: { observations: { value: string }[] }[] };
    for (const { value } of sensors.flatMap(({ observations }) => observations)) {
      totals.count += 1;
      totals.sum += Math.round(100 * Number(value));
    }
  }
  if (totals.count !== count || totals.sum !== sum)
    throw new Error(`${totals.count} readings arrived with the sum ${totals.sum}, not ${count} with ${sum}`);
}
