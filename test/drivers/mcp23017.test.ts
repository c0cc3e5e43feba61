import { describe, expect, test } from 'vitest';
import type { DigitalInputPort, DigitalOutputPort } from '../../drivers/bus/gpio.ts';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import { BusError } from '../../drivers/errors.ts';
import { mcp23017 } from '../../drivers/mcp23017.ts';
import { model } from '../../simulator/devices/mcp23017.ts';
import type { PluggedIn } from '../../simulator/devices/model.ts';
import { context } from '../simulator/site.ts';
import { bytes, hex } from '../support/hex.ts';
import { modelBus } from '../support/model-bus.ts';
import { TestClock } from '../support/test-clock.ts';
import { vectors } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;
const PULLED_UP = { pull: 'up', debounceMs: 30 } as const;

/** What other projects wrote to which register, and what the registers held before. */
function vector(id: string) {
  const found = vectors('mcp23017').find((each) => each.id === `mcp23017/${id}`);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
}

/** A chip of plain registers that notes what is written. */
function registers(held: Readonly<Record<string, string>>) {
  const memory = new Map(Object.entries(held).map(([at, value]) => [Number.parseInt(at, 16), bytes(value)[0] ?? 0]));
  const written: string[] = [];
  const bus: I2cBus = {
    async transfer(_address, write, readLength) {
      const [first = 0, ...data] = write;
      for (const [index, byte] of data.entries()) {
        written.push(hex(Uint8Array.of(first + index, byte)));
        memory.set(first + index, byte);
      }
      return Uint8Array.from({ length: readLength }, (_, index) => memory.get(first + index) ?? 0);
    },
  };
  return { bus, written };
}

function chip(bus: I2cBus, clock = new TestClock()) {
  const open = mcp23017.ports?.open({ board: 'expander', with: { address: 0x20 }, readings: [], outputs: [] }, clock);
  return {
    input: (port: string) => open?.(port, 'digital_in', bus) as DigitalInputPort,
    output: (port: string) => open?.(port, 'digital_out', bus) as DigitalOutputPort,
  };
}

/** The lines of a script: `W00 R ff` reads register 00, `W 00 fe` writes it. */
function script(text: string) {
  const lines = text.split('\n');
  const reads = lines.flatMap((line) => /^W(..) R (..)$/.exec(line)?.slice(1) ?? []);
  const held = Object.fromEntries(reads.flatMap((at, index) => (index % 2 === 0 ? [[at, reads[index + 1] ?? '']] : [])));
  const writes = lines.flatMap((line) => /^W (..) (..)$/.exec(line)?.slice(1).join('') ?? []);
  return { held, writes };
}

describe('what other projects do with the chip', () => {
  test('an output is made of the same two registers, and its latch is written first', async () => {
    const { held, writes } = script(vector('periph-out-pa0-high').input);
    const { bus, written } = registers(held);
    await chip(bus).output('gpa0').open(true);
    expect([...written].sort()).toEqual([...writes].sort());
    expect(written).toEqual(['1401', '00fe']);
  });

  test('the highest pin is switched with the bits of the others as they were', async () => {
    const { reads, writes } = JSON.parse(vector('gobot-write-pa7-1').input) as { reads: string[][]; writes: string[][] };
    const { bus, written } = registers(Object.fromEntries(reads));
    await chip(bus).output('gpa7').open(true);
    expect([...written].sort()).toEqual(writes.map((each) => each.join('')).sort());
  });

  test('an input is pulled up and read', async () => {
    const { held, writes } = script(vector('periph-in-pullup-pa0').input);
    const { bus, written } = registers(held);
    const input = await chip(bus).input('gpa0').open(PULLED_UP);
    expect(written).toEqual(writes);
    expect(await input.read()).toBe(true);
  });

  test('the levels of both ports are where the data sheet says', async () => {
    const { input: levels, expected } = vector('gpio-pair');
    const { bus } = registers({ '12': levels.slice(0, 2), '13': levels.slice(2) });
    const { input } = chip(bus);
    for (const [port, bits] of [
      ['a', expected['porta']],
      ['b', expected['portb']],
    ]) {
      const read = await Promise.all(
        Array.from({ length: 8 }, async (_, bit) =>
          (await input(`gp${port}${7 - bit}`).open({ pull: 'none', debounceMs: 0 })).read(),
        ),
      );
      expect(read.map(Number).join('')).toBe(bits);
    }
  });
});

// -------------------------------------------------------------------------- with the simulated chip, which knows no driver

function wired() {
  const clock = new TestClock();
  const driven: [string, boolean, number][] = [];
  const level = { value: true };
  const wire = (port: string): PluggedIn => ({
    volts: () => 0,
    level: () => level.value,
    drive: (on, atMs) => driven.push([port, on, atMs]),
  });
  const fresh = () => model({ ...context({ driver: 'mcp23017', address: 0x20 }, {}), pluggedInto: wire });
  const bus = modelBus(fresh(), clock);
  return { clock, driven, level, bus, reset: () => bus.replace(fresh()), ...chip(bus, clock) };
}

test.each([true, false])('an output starts at %s and passes through nothing else', async (first) => {
  const { output, driven } = wired();
  const line = await output('gpb2').open(first);
  expect(driven.map(([port, on]) => [port, on])).toEqual([['gpb2', first]]);
  expect(await line.read()).toBe(first);
  await line.write(!first);
  expect(driven.map(([, on]) => on)).toEqual([first, !first]);
});

test('sixteen outputs that are switched at once all end where they were sent', async () => {
  const { output } = wired();
  const ports = [...'ab'].flatMap((port) => Array.from({ length: 8 }, (_, bit) => `gp${port}${bit}`));
  const lines = await Promise.all(ports.map((port) => output(port).open(false)));
  await Promise.all(lines.map((line, index) => line.write(index % 3 === 0)));
  expect(await Promise.all(lines.map((line) => line.read()))).toEqual(ports.map((_, index) => index % 3 === 0));
});

test('outputs that are opened at once start where they were told', async () => {
  const { output, driven } = wired();
  const ports = Array.from({ length: 8 }, (_, bit) => `gpa${bit}`);
  await Promise.all(ports.map((port, index) => output(port).open(index % 3 === 0)));
  expect(driven.map(([port, on]) => `${port} ${on}`).sort()).toEqual(ports.map((port, index) => `${port} ${index % 3 === 0}`));
});

test('the outputs of a chip that was reset are driven again with the next look, and through nothing else', async () => {
  const { output, reset, driven } = wired();
  const lines = [await output('gpa0').open(true), await output('gpa1').open(false), await output('gpb0').open(true)];
  reset();
  driven.length = 0;
  expect(await lines[0]?.read()).toBe(true);
  expect(driven.map(([port, on]) => `${port} ${on}`).sort()).toEqual(['gpa0 true', 'gpa1 false', 'gpb0 true']);
  expect(await Promise.all(lines.map((line) => line.read()))).toEqual([true, false, true]);
});

test('a chip that is reset between latch and direction is looked at before its output counts as safe', async () => {
  const { bus, reset, driven, clock } = wired();
  const resetting: I2cBus = {
    async transfer(address, write, readLength) {
      const answer = await bus.transfer(address, write, readLength);
      // The latch of port A has just been written.
      if (write[0] === 0x14 && write.length === 2 && driven.length === 0) reset();
      return answer;
    },
  };
  const line = await chip(resetting, clock).output('gpa0').open(true);
  expect(driven.at(-1)?.slice(0, 2)).toEqual(['gpa0', true]);
  expect(await line.read()).toBe(true);
});

describe('an order that fails', () => {
  /** An output that is safe at low. Its chip takes no write that `fails`, or takes it and nobody hears that. */
  async function atLow(fails: () => 'untaken' | 'taken' | undefined) {
    const { bus, driven, clock } = wired();
    const failing: I2cBus = {
      async transfer(address, write, readLength) {
        const failure = readLength === 0 ? fails() : undefined;
        if (failure === 'untaken') throw new BusError('no-answer', 'nobody acknowledges');
        const answer = await bus.transfer(address, write, readLength);
        if (failure === 'taken') throw new BusError('timeout', 'the end of the transfer was not seen');
        return answer;
      },
    };
    const { output } = chip(failing, clock);
    const lines = { ours: await output('gpa0').open(false), other: await output('gpa1').open(false) };
    return { ...lines, levels: () => driven.filter(([port]) => port === 'gpa0').map(([, level]) => level) };
  }

  test('does not move the output later, whoever looks at the chip', async () => {
    let failure: 'untaken' | undefined;
    const { ours, other, levels } = await atLow(() => failure);
    failure = 'untaken';
    await expect(ours.write(true)).rejects.toMatchObject({ kind: 'no-answer' });
    failure = undefined;
    expect(await ours.read()).toBe(false);
    await other.write(true);
    expect(await other.read()).toBe(true);
    expect(levels()).toEqual([false]);
  });

  test('is undone when the chip took it all the same', async () => {
    let failure: 'taken' | undefined;
    const { ours, levels } = await atLow(() => failure);
    failure = 'taken';
    await expect(ours.write(true)).rejects.toMatchObject({ kind: 'timeout' });
    failure = undefined;
    expect(await ours.read()).toBe(false);
    expect(levels()).toEqual([false, true, false]);
  });

  test('is made up for where it leads to the level that is safe', async () => {
    let failure: 'untaken' | undefined;
    const { ours, other, levels } = await atLow(() => failure);
    await ours.write(true);
    failure = 'untaken';
    await expect(ours.write(false)).rejects.toMatchObject({ kind: 'no-answer' });
    failure = undefined;
    await other.read();
    expect(levels()).toEqual([false, true, false]);
  });
});

test.each([0x00, 0x14])('one flipped bit in the reading of register %i moves no other pin', async (register) => {
  const { bus, driven, clock } = wired();
  let flips = 0;
  const flipping: I2cBus = {
    async transfer(address, write, readLength) {
      const answer = await bus.transfer(address, write, readLength);
      if (write[0] !== register || readLength !== 1 || flips > 0) return answer;
      flips += 1;
      return answer.map((byte) => byte ^ 0x02);
    },
  };
  const { output } = chip(flipping, clock);
  await expect(output('gpa0').open(true)).rejects.toMatchObject({ kind: 'bad-checksum' });
  expect(driven).toEqual([]);
  await output('gpa0').open(true);
  await output('gpa1').open(false);
  expect(driven.map(([port, on]) => `${port} ${on}`)).toEqual(['gpa0 true', 'gpa1 false']);
});

test('an input of a chip that was reset is pulled up again before it is believed', async () => {
  const { input, reset, bus } = wired();
  const line = await input('gpa3').open(PULLED_UP);
  reset();
  expect(await line.read()).toBe(true);
  expect(hex(await bus.transfer(0x20, Uint8Array.of(0x0c), 1))).toBe('08');
});

test('an input whose pin does not stay set up gives no level', async () => {
  const { input, bus } = wired();
  const line = await input('gpa3').open(PULLED_UP);
  bus.garble((answer) => answer.map(() => 0));
  await expect(line.read()).rejects.toMatchObject({ name: 'DeviceError', kind: 'implausible' });
});

test('a resistor to ground, which the chip does not have, is refused with what can be done', async () => {
  await expect(wired().input('gpa0').open({ pull: 'down', debounceMs: 0 })).rejects.toMatchObject({
    name: 'BusError',
    kind: 'unsupported',
    message: expect.stringContaining('write `pull: up`'),
  });
});

/** The changes that are seen while `steps` (time, level) happen. */
async function changesSeen(debounceMs: number, steps: readonly (readonly [number, boolean])[]) {
  const { clock, input, level } = wired();
  const line = await input('gpa1').open({ pull: 'up', debounceMs });
  const stop = new AbortController();
  const seen: [number, boolean][] = [];
  const listening = (async () => {
    for await (const each of line.changes(stop.signal)) seen.push([clock.monotonicMs(), each]);
  })();
  for (const [atMs, next] of steps) {
    await clock.advance(atMs - clock.monotonicMs());
    level.value = next;
  }
  await clock.advance(1000);
  stop.abort(new Error('enough'));
  await listening;
  expect(clock.timerCount).toBe(0);
  return seen;
}

test('a change is seen at the next look, when it has lasted', async () => {
  const seen = await changesSeen(30, [
    [250, false],
    [750, true],
  ]);
  expect(seen.map(([, level]) => level)).toEqual([false, true]);
  for (const [index, from] of [250, 750].entries()) expect(seen[index]?.[0]).toBeLessThanOrEqual(from + 100 + 30);
});

test('what does not last as long as the debouncing is no change', async () => {
  expect(
    await changesSeen(200, [
      [195, false],
      [320, true],
    ]),
  ).toEqual([]);
});

test('listening ends with the failure of the bus', async () => {
  const clock = new TestClock();
  const { bus } = registers({});
  let error: BusError | undefined;
  const failing: I2cBus = { transfer: (...all) => (error ? Promise.reject(error) : bus.transfer(...all)) };
  const line = await chip(failing, clock).input('gpa0').open({ pull: 'none', debounceMs: 0 });
  const listening = (async () => {
    for await (const _ of line.changes(NO_ABORT)) expect.fail('nothing changes');
  })();
  error = new BusError('no-answer', 'gone');
  const ended = expect(listening).rejects.toBe(error);
  await clock.advance(1000);
  await ended;
});
