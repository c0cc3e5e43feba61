// Sends readings to a server at a port of this machine. Arguments: `uplink` or `official`, the port, readings, readings a batch.
// Prints what it took as JSON.
//
// `official` has the shape of Sentilo's own clients (sentilo.md §6): one request for each observation, each after the answer to
// the one before and on a connection of its own, and nothing that waits on a disk.

import { request as httpRequest } from 'node:http';
import { optimiseLate } from '../../../cli/optimise-late.ts';
import { realHost } from '../../../gateway/real-host.ts';
import type { Observation } from '../../../gateway/record.ts';
import { makeBacklog, PROVIDER, readingsOf, TOKEN } from './backlog.ts';
import type { Figures } from './figures.ts';

const [who, port, readings, batch] = process.argv.slice(2);
const URL = `http://127.0.0.1:${port}`;
/** A street. */
const SENSOR_COUNT = 20;

optimiseLate();
const size = { count: Number(readings), sensorCount: SENSOR_COUNT };
const backlog = await makeBacklog(size);
const { ms, cpuUs } =
  who === 'uplink'
    ? await backlog.drain({ http: realHost(() => {}).http, batch: Number(batch), url: URL })
    : await sendOneByOne(readingsOf(size));
backlog.remove();
process.stdout.write(
  `${JSON.stringify({ perSecond: (1_000 * size.count) / ms, cpuUs: cpuUs / size.count } satisfies Figures)}\n`,
);
process.exit(0);

async function sendOneByOne(all: readonly Observation[]): Promise<{ ms: number; cpuUs: number }> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (const reading of all) await sendOne(reading);
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startMs, cpuUs: user + system };
}

function sendOne({ sensor, value, wallMs }: Observation): Promise<void> {
  const [date = '', time] = new Date(wallMs).toISOString().split(/[T.]/);
  const timestamp = `${date.split('-').reverse().join('/')}T${time}`;
  const body = JSON.stringify({ observations: [{ value: String(value), timestamp }] });
  const headers = { IDENTITY_KEY: TOKEN, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${URL}/data/${PROVIDER}/${sensor}`, { method: 'PUT', agent: false, headers }, (answer) => {
      answer.resume().on('end', resolve);
    });
    request.on('error', reject);
    request.end(body);
  });
}
