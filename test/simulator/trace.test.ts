import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Http, HttpError, type HttpRequest } from '../../gateway/host.ts';
import { VirtualClock } from '../../simulator/clock.ts';
import { SimulatedDisk } from '../../simulator/disk.ts';
import { createRandom } from '../../simulator/random.ts';
import { createTrace, tracedDisk, tracedHttp } from '../../simulator/trace.ts';
import { turn } from '../../simulator/wire/turn.ts';

const REQUEST: HttpRequest = {
  method: 'PUT',
  url: 'http://city/data/p',
  headers: { IDENTITY_KEY: 'demo-token' },
  body: Buffer.from('{}'),
  timeoutMs: 1000,
  responseBytesMax: 1000,
};
const signal = new AbortController().signal;

test('is the SHA-256 of all events, told while it goes on', () => {
  const trace = createTrace();
  trace.event(1.5, 'bus-in', 'i2c1 0x76', Uint8Array.of(1, 2));
  const first = trace.hash();
  expect(first).toBe(createHash('sha256').update('1.5\tbus-in\ti2c1 0x76\t2\n').update(Uint8Array.of(1, 2)).digest('hex'));
  trace.event(2, 'disk-sync', 'a');
  expect(trace.hash()).not.toBe(first);
  expect(trace.eventCount).toBe(2);
});

test('tells apart events whose bytes run into one another', () => {
  const one = createTrace();
  one.event(0, 'a', 'b', Buffer.from('0\ta\tb\t0\n'));
  const two = createTrace();
  two.event(0, 'a', 'b', new Uint8Array(0));
  two.event(0, 'a', 'b', new Uint8Array(0));
  expect(one.hash()).not.toBe(two.hash());
});

test('takes requests, answers and failures, and no token even where an answer repeats it', async () => {
  const lines: string[] = [];
  const trace = createTrace((line) => lines.push(line));
  const answers: Http = async () => ({ status: 401, headers: {}, body: Buffer.from('Invalid credential demo-token') });
  const response = await tracedHttp(answers, trace, () => 7)(REQUEST, signal);
  expect(Buffer.from(response.body).toString()).toContain('demo-token');
  const fails: Http = async () => {
    throw new HttpError('ECONNRESET', true, 'reset');
  };
  await expect(tracedHttp(fails, trace, () => 8)(REQUEST, signal)).rejects.toThrow('reset');
  expect(lines).toEqual([
    '7.000 http-request PUT http://city/data/p 7b7d',
    `7.000 http-answer 401 ${Buffer.from('Invalid credential ***').toString('hex')}`,
    '8.000 http-request PUT http://city/data/p 7b7d',
    '8.000 http-failure ECONNRESET',
  ]);
});

test('takes every change of the disk with its place, and lets reading pass', async () => {
  const lines: string[] = [];
  const clock = new VirtualClock(0, turn);
  const trace = createTrace((line) => lines.push(line));
  const disk = tracedDisk(new SimulatedDisk({ clock, random: createRandom(1) }), trace, () => clock.monotonicMs(), '/state');
  await disk.mkdir('/state');
  const file = await disk.open('/state/a', 'create');
  expect(await file.pwrite(Uint8Array.of(0xab), 3)).toBe(1);
  await file.fdatasync();
  await file.truncate(2);
  expect(await file.size()).toBe(2);
  expect(await file.pread(0, 10)).toHaveLength(2);
  await file.close();
  await disk.rename('/state/a', '/state/b');
  await disk.fsyncDir('/state');
  await disk.unlink('/state/b');
  expect(await disk.readDir('/state')).toEqual([]);
  expect(await disk.size('/state/b')).toBeUndefined();
  expect(lines.map((line) => line.replace('0.000 ', ''))).toEqual([
    'disk-write a 3 ab',
    'disk-sync a',
    'disk-truncate a 2',
    'disk-rename a b',
    'disk-sync-folder /state',
    'disk-unlink b',
  ]);
});
