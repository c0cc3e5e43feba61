import { expect, test } from 'vitest';
import { bytes } from '../../support/hex.ts';
import { SERIAL } from '../site.ts';
import { FOR_EVER, listen, PARTICLES, signal, world } from './test-world.ts';

test('a serial device is heard at the pace of its line, in pieces, at its own rhythm', async () => {
  const { clock, buses } = await world([SERIAL], [PARTICLES]);
  await clock.runUntil(4321);
  const stream = await buses.serial(SERIAL, signal);
  const heard = listen(stream, clock);
  await clock.runUntil(5999);
  expect(heard.hex).toBe('aac00600060058d93dab');
  // Ten bytes of ten bits at 9600 baud.
  expect(heard.atMs).toBeCloseTo(5000 + 100 / 9.6, 6);
});

test('writing takes the time of the wire, and the answer comes after it', async () => {
  const { clock, buses } = await world([SERIAL], [PARTICLES]);
  await clock.runUntil(3100);
  const stream = await buses.serial(SERIAL, signal);
  const heard = listen(stream, clock);
  await clock.run(stream.write(bytes('aab404000000000000000000000000ffff02ab')));
  const sentMs = 3100 + 190 / 9.6;
  expect(clock.monotonicMs()).toBeCloseTo(sentMs, 6);
  await clock.runUntil(3900);
  expect(heard.hex).toBe('aac00600060058d93dab');
  expect(heard.atMs).toBeGreaterThan(sentMs + 100 / 9.6);
});

test('a port that is closed refuses to write and hears nothing more, and can be opened again', async () => {
  const { clock, buses } = await world([SERIAL], [PARTICLES]);
  const stream = await buses.serial(SERIAL, signal);
  const heard = listen(stream, clock);
  await expect(buses.serial(SERIAL, signal)).rejects.toMatchObject({ kind: 'busy' });
  const causes: unknown[] = [];
  stream.onClose((cause) => causes.push(cause));
  await stream.close();
  await stream.close();
  expect(causes).toEqual([undefined]);
  await expect(stream.write(bytes('00'))).rejects.toMatchObject({ kind: 'closed' });
  await clock.runUntil(10_000);
  expect(heard.hex).toBe('');
  expect((await buses.serial(SERIAL, signal)).isOpen).toBe(true);
  await expect(buses.serial({ ...SERIAL, port: '/dev/ttyNOPE' }, signal)).rejects.toMatchObject({ kind: 'absent' });
});

test('a port that is unplugged closes, is not there, and comes back', async () => {
  const { clock, buses } = await world(
    [SERIAL],
    [PARTICLES],
    [{ at: 'bus', bus: 'pm', kind: 'unplugged', fromMs: 1000, toMs: 2000 }],
  );
  const stream = await buses.serial(SERIAL, signal);
  const causes: unknown[] = [];
  stream.onClose((cause) => causes.push(cause));
  await clock.runUntil(999.5);
  const write = stream.write(bytes('aabb'));
  write.catch(() => {});
  await clock.runUntil(1500);
  await expect(write).rejects.toMatchObject({ kind: 'closed' });
  expect(stream.isOpen).toBe(false);
  expect(causes).toMatchObject([{ kind: 'closed' }]);
  await expect(buses.serial(SERIAL, signal)).rejects.toMatchObject({ kind: 'absent' });
  await clock.runUntil(2000);
  expect((await buses.serial(SERIAL, signal)).isOpen).toBe(true);
});

test('a port that is busy cannot be opened, and one that hangs never settles', async () => {
  const busy = await world([SERIAL], [PARTICLES], [{ at: 'bus', bus: 'pm', kind: 'busy', ...FOR_EVER }]);
  await expect(busy.buses.serial(SERIAL, signal)).rejects.toMatchObject({ kind: 'busy' });
  const hanging = await world([SERIAL], [PARTICLES], [{ at: 'bus', bus: 'pm', kind: 'hang', fromMs: 1000, toMs: 5000 }]);
  const stream = await hanging.buses.serial(SERIAL, signal);
  await hanging.clock.runUntil(2000);
  let hasSettled = false;
  const settle = () => {
    hasSettled = true;
  };
  for (const call of [stream.write(bytes('00')), hanging.buses.serial(SERIAL, signal)]) call.then(settle, settle);
  await hanging.clock.runUntil(100_000);
  expect(hasSettled).toBe(false);
});
