import { expect, test } from 'vitest';
import { BusError } from '../../drivers/errors.ts';
import { reopeningStream } from '../../gateway/reopening-stream.ts';
import { FakeByteStream } from '../support/fake-byte-stream.ts';
import { TestClock } from '../support/test-clock.ts';

/** A call into the driver of a port that comes back when the test says so. */
function hanging<T>(): { readonly call: Promise<T>; comeBack(value: T): void; fail(error: Error): void } {
  let [comeBack, fail] = [(_value: T) => {}, (_error: Error) => {}];
  const call = new Promise<T>((resolve, reject) => {
    [comeBack, fail] = [resolve, reject];
  });
  return { call, comeBack: (value) => comeBack(value), fail: (error) => fail(error) };
}

/** A line that the test closes, and whose closing may hang. */
function lineThat(closing: Promise<void> = Promise.resolve()): FakeByteStream & { close(): Promise<void> } {
  const line = Object.assign(new FakeByteStream(), {
    close: async () => {
      if (line.isOpen) line.unplug();
      await closing;
    },
  });
  return line;
}

/** A stream over a port that `open` opens, on a clock of its own. */
function started(open: () => Promise<ReturnType<typeof lineThat>>, clock = new TestClock()) {
  const changes: (string | undefined)[] = [];
  const stop = new AbortController();
  const onChange = (failure: BusError | undefined) => void changes.push(failure?.kind);
  const stream = reopeningStream({ name: 'pm_usb', clock, random: () => 0, open, onChange });
  return { clock, stream, changes, stop, running: stream.run(stop.signal) };
}

/** A port whose openings follow a script: an error, or a line. */
function scripted(script: (BusError | 'line')[]) {
  const lines: ReturnType<typeof lineThat>[] = [];
  const openedAtMs: number[] = [];
  const clock = new TestClock();
  const port = started(async () => {
    openedAtMs.push(clock.monotonicMs());
    const next = script.length > 1 ? script.shift() : script[0];
    if (next !== 'line') throw next;
    const line = lineThat();
    lines.push(line);
    return line;
  }, clock);
  return { ...port, lines, openedAtMs };
}

const absent = new BusError('absent', 'not plugged in');

test('opens again with growing waits while the port is absent, and says so once', async () => {
  const { clock, openedAtMs, changes, stop, running } = scripted([absent, absent, absent, absent, 'line']);
  await clock.advance(20_000);
  expect(openedAtMs).toEqual([0, 500, 1500, 3500, 5500]);
  expect(changes).toEqual(['absent', undefined]);
  stop.abort();
  await running;
});

test('refuses writes while it is closed, with the reason, and never sends them later', async () => {
  const { clock, stream, lines, stop, running } = scripted([absent, 'line']);
  await clock.advance(0);
  await expect(stream.write(Uint8Array.of(1))).rejects.toMatchObject({
    kind: 'closed',
    message: 'not plugged in',
    cause: absent,
  });
  await clock.advance(1000);
  expect(lines[0]?.written).toEqual([]);
  await stream.write(Uint8Array.of(2));
  expect(lines[0]?.written).toEqual([Uint8Array.of(2)]);
  stop.abort();
  await running;
});

test('tells its listeners of an unplugging and carries on with the same listeners after the replug', async () => {
  const { clock, stream, lines, stop, running } = scripted(['line']);
  const heard: number[] = [];
  let closedCount = 0;
  stream.onBytes((bytes) => heard.push(...bytes));
  stream.onClose(() => {
    closedCount += 1;
  });
  await clock.advance(0);
  lines[0]?.receive(Uint8Array.of(1));
  lines[0]?.unplug(new Error('gone'));
  await clock.advance(0);
  expect(closedCount).toBe(1);
  expect(stream.isOpen).toBe(false);
  await clock.advance(1000);
  expect(stream.isOpen).toBe(true);
  lines[1]?.receive(Uint8Array.of(2));
  expect(heard).toEqual([1, 2]);
  stop.abort();
  await running;
});

test('waits up to a minute between tries of a port that another program holds', async () => {
  const { clock, openedAtMs, stop, running } = scripted([new BusError('busy', 'held by minicom (812)')]);
  await clock.advance(600_000);
  expect(openedAtMs.length).toBeLessThan(20);
  stop.abort();
  await running;
});

test('drops a line on request and opens it anew', async () => {
  const { clock, stream, lines, stop, running } = scripted(['line']);
  await clock.advance(0);
  stream.drop(new BusError('timeout', 'no answer'));
  await clock.advance(1000);
  expect(lines).toHaveLength(2);
  expect(stream.isOpen).toBe(true);
  stop.abort();
  await running;
});

test('a peer that closes each connection at once is asked less and less often, and named once', async () => {
  const { clock, lines, openedAtMs, changes, stop, running } = scripted(['line']);
  for (let second = 0; second < 600; second += 1) {
    await clock.advance(1000);
    for (const line of lines) if (line.isOpen) line.unplug();
  }
  expect(openedAtMs.length).toBeLessThan(25);
  expect(changes).toEqual(['closed']);
  stop.abort();
  await running;
});

test('a peer that greets whoever comes, as no Modbus device does, is named once and not asked without a pause', async () => {
  const { clock, stream, lines, openedAtMs, changes, stop, running } = scripted(['line']);
  const strange = new BusError('bad-checksum', 'not a Modbus TCP header', { isStranger: true });
  const greet = () => {
    for (const line of lines.filter(({ isOpen }) => isOpen)) {
      line.receive(Buffer.from('SSH-2.0'));
      stream.drop(strange);
    }
  };
  for (let tenth = 0; tenth < 6000; tenth += 1) {
    await clock.advance(100);
    greet();
  }
  expect(openedAtMs.length).toBeLessThan(310);
  // Its first bytes are taken for a sign of life.
  expect(changes).toEqual([undefined, 'bad-checksum']);
  expect(stream.failure).toBe(strange);
  // Somebody starts the right program.
  await clock.advance(20_000);
  expect(changes.at(-1)).toBeUndefined();
  stop.abort();
  await running;
});

test('a peer that was understood is no stranger, however often its connection has to be dropped', async () => {
  const { clock, stream, lines, changes, stop, running } = scripted(['line']);
  for (let poll = 0; poll < 50; poll += 1) {
    await clock.advance(1000);
    expect(stream.isOpen).toBe(true);
    lines.at(-1)?.receive(Uint8Array.of(1));
    stream.drop(new BusError('bad-checksum', 'only a part of an answer came'));
  }
  expect(lines).toHaveLength(50);
  expect(changes).toEqual([undefined]);
  stop.abort();
  await running;
});

test('a peer that closes after each answer is no news', async () => {
  const { clock, lines, changes, stop, running } = scripted(['line']);
  for (let poll = 0; poll < 50; poll += 1) {
    await clock.advance(1000);
    for (const line of lines.filter(({ isOpen }) => isOpen)) {
      line.receive(Uint8Array.of(1));
      line.unplug();
    }
  }
  expect(lines.length).toBeGreaterThan(40);
  expect(changes).toEqual([undefined]);
  stop.abort();
  await running;
});

test('a port that was plugged in and is not ready yet is tried again at once', async () => {
  // The kernel makes the device file, and only then its permissions are set.
  const early = new BusError('no-permission', 'this user may not use serial ports');
  const { clock, openedAtMs, stop, running } = scripted([absent, absent, absent, absent, early, early, 'line']);
  await clock.advance(20_000);
  expect(openedAtMs).toEqual([0, 500, 1500, 3500, 5500, 6000, 7000]);
  stop.abort();
  await running;
});

// Each call that hangs holds a thread of the pool for good, and four of them would hold the journal's.
test('opens no port again whose opening has not come back, names it, and closes what opens too late', async () => {
  const first = hanging<ReturnType<typeof lineThat>>();
  const calls = [first.call, Promise.resolve(lineThat())];
  let openCount = 0;
  const { clock, stream, changes, stop, running } = started(() => calls[openCount++] as (typeof calls)[number]);
  await clock.advance(3_600_000);
  await stream.tried;
  expect(openCount).toBe(1);
  expect(changes).toEqual(['unreachable', 'hung']);
  expect(stream.failure?.message).toMatch(/^pm_usb: opening it does not come back; unplug/);

  const late = lineThat();
  first.comeBack(late);
  await clock.advance(20_000);
  expect(late.isOpen).toBe(false);
  expect([openCount, stream.isOpen, stream.failure]).toEqual([2, true, undefined]);
  stop.abort();
  await running;
});

test('a cable with a loose contact is never left for longer than one that is out', async () => {
  const { clock, stream, lines, openedAtMs, changes, stop, running } = scripted(['line']);
  for (let second = 0; second < 120; second += 1) {
    await clock.advance(1000);
    for (const line of lines) if (line.isOpen) line.unplug(new BusError('absent', 'ttyUSB0 was unplugged'));
  }
  expect(stream.failure).toMatchObject({ kind: 'absent', message: 'ttyUSB0 was unplugged' });
  const gapsMs = openedAtMs.slice(1).map((atMs, i) => atMs - (openedAtMs[i] ?? 0));
  expect(Math.max(...gapsMs)).toBeLessThanOrEqual(3000);
  expect(changes).toEqual(['absent']);
  stop.abort();
  await running;
});

test('opens no port again whose closing has not come back, and names it', async () => {
  const closing = hanging<void>();
  const lines = [lineThat(closing.call), lineThat()];
  let openCount = 0;
  const { clock, stream, changes, stop, running } = started(async () => lines[openCount++] as (typeof lines)[number]);
  await clock.advance(11_000);
  lines[0]?.unplug();
  await clock.advance(3_600_000);
  expect(openCount).toBe(1);
  expect(changes).toEqual([undefined, 'hung']);
  closing.comeBack();
  await clock.advance(20_000);
  expect([openCount, stream.isOpen]).toEqual([2, true]);
  stop.abort();
  await running;
});

test.each(['opening', 'closing'] as const)('ends although its %s does not come back', async (what) => {
  const never = new Promise<never>(() => {});
  const { clock, stop, running } = started(() => (what === 'opening' ? never : Promise.resolve(lineThat(never))));
  await clock.advance(1_000);
  stop.abort();
  await clock.run(running);
  expect(clock.monotonicMs()).toBeLessThanOrEqual(3_000);
});
