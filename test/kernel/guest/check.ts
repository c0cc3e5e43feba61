// Runs in the guest: our buses on a real kernel. One line a check; the last line says how many there were.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DigitalInput, DigitalOutputPort, GpioLines } from '../../../drivers/bus/gpio.ts';
import { openGpio } from '../../../drivers/bus/linux-gpio.ts';
import { gpioTools } from '../../../drivers/bus/linux-gpio-tools.ts';
import { openI2c } from '../../../drivers/bus/linux-i2c.ts';
import { mcp23017 } from '../../../drivers/mcp23017.ts';
import { pulseCounter } from '../../../drivers/pulse-counter.ts';
import { isReading } from '../../../drivers/reading.ts';
import { realClock } from '../../../gateway/real-host.ts';

/** Fast enough to be a burst, slow enough for an emulated processor: a hundred edges this far apart were seen to come through. */
const EDGE_MS = 10;
const PATIENCE_MS = 20_000;

/** The chip with the label of a Raspberry Pi 4's header, as the tools of Debian 12 name it. */
const HEADER = /^(\S+) \[pinctrl-bcm2711\]/m.exec(execFileSync('gpiodetect', { encoding: 'utf8' }))?.[1];

let okCount = 0;
let failedCount = 0;

async function check(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    okCount += 1;
    console.log(`ok: ${name}`);
  } catch (error) {
    failedCount += 1;
    console.log(`not ok: ${name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

async function until(what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
}

// ------------------------------------------------------------------------------------------------------------------- I2C

function stubDevice(): string {
  const folder = '/sys/class/i2c-adapter';
  const name = readdirSync(folder).find((each) => readFileSync(join(folder, each, 'name'), 'utf8').startsWith('SMBus stub'));
  return `/dev/${name}`;
}

async function checkI2c(): Promise<void> {
  const device = stubDevice();
  const bus = await openI2c(device);
  await check('I2C: what is written to a register is read from it', async () => {
    await bus.transfer(0x48, Uint8Array.of(0x01, 0x5a), 0);
    assert.deepEqual(await bus.transfer(0x48, Uint8Array.of(0x01), 1), Uint8Array.of(0x5a));
  });
  await check('I2C: a block is written and read in its order', async () => {
    await bus.transfer(0x68, Uint8Array.of(0x10, 1, 2, 3, 4), 0);
    assert.deepEqual(await bus.transfer(0x68, Uint8Array.of(0x10), 4), Uint8Array.of(1, 2, 3, 4));
    assert.equal(execFileSync('i2cget', ['-y', device.slice(-1), '0x68', '0x12'], { encoding: 'utf8' }).trim(), '0x03');
  });
  await check('I2C: a pin of an expander is an output at its level, and the others stay inputs', async () => {
    const number = device.slice(-1);
    execFileSync('i2cset', ['-y', number, '0x20', '0x00', '0xff', '0xff', 'i']);
    const spec = { board: 'mcp23017', with: { address: 0x20 }, readings: [], outputs: [] };
    const port = mcp23017.ports?.open(spec, realClock())('gpb2', 'digital_out', bus) as DigitalOutputPort;
    const output = await port.open(true);
    const register = (at: string) => execFileSync('i2cget', ['-y', number, '0x20', at], { encoding: 'utf8' }).trim();
    assert.deepEqual(['0x00', '0x01', '0x15'].map(register), ['0xff', '0xfb', '0x04']);
    await output.write(false);
    assert.equal(register('0x15'), '0x00');
  });
  await check('I2C: nobody at an address is no-answer', async () => {
    await assert.rejects(bus.transfer(0x50, Uint8Array.of(0), 1), { kind: 'no-answer' });
  });
  await check('I2C: what the adapter cannot do is unsupported', async () => {
    await assert.rejects(bus.transfer(0x48, Uint8Array.of(0x24, 0x00), 6), { kind: 'unsupported' });
  });
  await check('I2C: an address that the kernel uses is busy', async () => {
    writeFileSync(`/sys/class/i2c-adapter/${device.slice('/dev/'.length)}/new_device`, 'dummy 0x68\n');
    const another = await openI2c(device);
    await assert.rejects(another.transfer(0x68, Uint8Array.of(0x10), 1), { kind: 'busy' });
  });
  await check('I2C: a bus that is not there is absent', async () => {
    await assert.rejects(openI2c('/dev/i2c-99'), { kind: 'absent' });
  });
  await bus.close();
}

// ------------------------------------------------------------------------------------------------------------------ GPIO

/** The outside of a line of the simulated header: what pulls at it, and what it shows. */
function wire(line: number) {
  const folder = `/sys/bus/gpio/devices/${HEADER}/sim_gpio${line}`;
  const pulled = join(folder, 'pull');
  return {
    pulled,
    pull: (level: boolean) => writeFileSync(pulled, level ? 'pull-up' : 'pull-down'),
    level: () => readFileSync(join(folder, 'value'), 'utf8').trim() === '1',
  };
}

/** Debian 13's tools stand in a root of their own. */
function toolsOf(trixie: string): string {
  const folder = mkdtempSync('/tmp/tools-');
  for (const name of ['gpiodetect', 'gpioinfo', 'gpioget', 'gpiomon']) {
    writeFileSync(join(folder, name), `#!/bin/sh\nexec chroot '${trixie}' /usr/bin/${name} "$@"\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

async function pulse(line: number, count: number): Promise<void> {
  const { pull } = wire(line);
  for (let i = 0; i < count; i++) {
    pull(false);
    await sleep(EDGE_MS);
    pull(true);
    await sleep(EDGE_MS);
  }
}

/** Follows an input until `stop`; `ready` resolves when the kernel says that the line is being followed. */
function following(input: DigitalInput, isFollowed: () => Promise<boolean>) {
  const stop = new AbortController();
  const levels: boolean[] = [];
  const ended = (async () => {
    for await (const level of input.changes(stop.signal)) levels.push(level);
  })();
  ended.catch(() => {});
  return { levels, ended, ready: () => until('gpiomon', isFollowed), stop: () => stop.abort() };
}

/** Every gpiomon of the guest, by process id. */
function followers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((id) => existsSync(`/proc/${id}/comm`) && readFileSync(`/proc/${id}/comm`, 'utf8').trim() === 'gpiomon')
    .map(Number);
}

/** Ends them, as a machine without memory would. */
function endFollowers(): void {
  for (const id of followers()) process.kill(id, 'SIGKILL');
}

async function checkGpio(says: string, toolsFolder: string | undefined): Promise<void> {
  const options = { clock: realClock(), ...(toolsFolder === undefined ? {} : { toolsFolder }) };
  const tools = await gpioTools(toolsFolder);
  const lines: GpioLines = await openGpio(options);
  const chip = (await tools.chips()).find(({ label }) => label === 'pinctrl-bcm2711')?.name ?? '';
  const isTaken = (line: number) => async () => (await tools.consumer(chip, line)) !== undefined;
  // The look at the level before it takes the line too, for a moment.
  const isFollowed = (line: number) => async () => (await isTaken(line)()) && followers().length > 0;

  await check(`${says}: a line is read as its pull and its wire say`, async () => {
    const input = await lines.input(17).open({ pull: 'up', debounceMs: 0 });
    assert.equal(await input.read(), true);
    wire(17).pull(false);
    await input.close();
    const other = await lines.input(18).open({ pull: 'down', debounceMs: 0 });
    assert.equal(await other.read(), false);
    await other.close();
  });
  await check(`${says}: every edge is counted, also the first after a pause`, async () => {
    const port = lines.input(23);
    const spec = {
      board: 'rain-gauge',
      with: pulseCounter.with.parse({ pull: 'up', debounce: 5 }),
      readings: [{ id: 'pulses', pulses: { kind: 'delta', unit: '1', scaleBy: 1 } as const }],
      outputs: [],
    };
    const device = await pulseCounter.open(port, spec, realClock());
    await until('gpiomon', isFollowed(23));
    for (let burst = 0; burst < 3; burst++) {
      await pulse(23, 5);
      await sleep(500);
    }
    const read = await device.read?.(new AbortController().signal);
    assert.deepEqual(
      read?.map((each) => (isReading(each) ? each : each.error)),
      [{ id: 'pulses', value: 15 }],
    );
    await device.close();
  });
  await check(`${says}: a line that is followed is busy, and who has it is said`, async () => {
    const input = await lines.input(24).open({ pull: 'up', debounceMs: 0 });
    const follower = following(input, isFollowed(24));
    await follower.ready();
    const others = await openGpio(options);
    await assert.rejects(others.input(24).open({ pull: 'up', debounceMs: 0 }), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, 'busy');
      assert.match(error.message, /is used by (?:gpiomon|barri)/);
      return true;
    });
    await assert.rejects(others.output(24).open(false), { kind: 'busy' });
    follower.stop();
    await follower.ended;
    await until('the line to be free', async () => !(await isTaken(24)()));
    await input.close();
  });
  await check(`${says}: a follower that is killed is a failure, and the line can be followed again`, async () => {
    const input = await lines.input(25).open({ pull: 'up', debounceMs: 0 });
    const first = following(input, isFollowed(25));
    await first.ready();
    endFollowers();
    await assert.rejects(first.ended, { kind: 'closed' });
    const again = following(input, isFollowed(25));
    await again.ready();
    await pulse(25, 2);
    await until('four changes', () => again.levels.length >= 4);
    assert.deepEqual(again.levels, [false, true, false, true]);
    again.stop();
    await again.ended;
    await input.close();
  });
}

async function checkStorm(): Promise<void> {
  await check('a line in a storm is not followed, and says so', async () => {
    const input = await (await openGpio({ clock: realClock() })).input(26).open({ pull: 'up', debounceMs: 0 });
    const tools = await gpioTools();
    const isTaken = async () => (await tools.consumer(HEADER ?? '', 26)) !== undefined;
    const follower = following(input, async () => (await isTaken()) && followers().length > 0);
    await follower.ready();
    // By another program, so that this one can listen.
    const loop = `while :; do echo pull-down > ${wire(26).pulled}; echo pull-up > ${wire(26).pulled}; done`;
    const storm = spawn('sh', ['-c', loop], { stdio: 'ignore' });
    await until('the storm to be seen', () =>
      input.read().then(
        () => false,
        (error: { kind?: string }) => error.kind === 'edge-storm',
      ),
    );
    storm.kill('SIGKILL');
    // Nobody has the line any more but for the moments in which it is looked at.
    await until('gpiomon to end', async () => !(await isTaken()));
    follower.stop();
    await follower.ended;
    // The level before may be told once more, where the first edge shows that one was missed.
    assert.ok(follower.levels.length <= 201, `${follower.levels.length} edges were followed`);
  });
}

async function checkOutputs(): Promise<void> {
  const lines = await openGpio({ clock: realClock() });
  for (const [line, level] of [
    [27, true],
    [22, false],
  ] as const) {
    await check(`output ${line}: it is ${level ? 'high' : 'low'} from the first moment, without a pulse`, async () => {
      // The other level is what its wire had before.
      wire(line).pull(!level);
      writeFileSync('/sys/kernel/tracing/trace', '');
      const output = await lines.output(line).open(level);
      assert.equal(wire(line).level(), level);
      assert.equal(await output.read(), level);
      const trace = readFileSync('/sys/kernel/tracing/trace', 'utf8')
        .split('\n')
        .filter((text) => !text.startsWith('#'));
      const set = trace.flatMap((text) => /gpio_value: \d+ set (\d)/.exec(text)?.[1] ?? []);
      assert.notEqual(trace.filter((text) => /gpio_direction: \d+ out/.test(text)).length, 0, 'the kernel traced no direction');
      assert.deepEqual([...new Set(set)], [level ? '1' : '0'], trace.join('\n'));
      await output.write(!level);
      assert.equal(wire(line).level(), !level);
      await output.close();
      // Given back, it keeps its level.
      assert.equal(wire(line).level(), !level);
    });
  }
  await check('output: a line that is an output already is driven on without passing through the other level', async () => {
    writeFileSync('/sys/kernel/tracing/trace', '');
    const again = await (await openGpio({ clock: realClock() })).output(27).open(false);
    const trace = readFileSync('/sys/kernel/tracing/trace', 'utf8');
    assert.doesNotMatch(trace, /gpio_value: \d+ set 1/);
    assert.equal(await again.read(), false);
  });
}

await checkI2c();
await checkOutputs();
await checkGpio('libgpiod 1', undefined);
await checkStorm();
const trixie = process.env['TRIXIE'];
if (trixie !== undefined && trixie !== '') await checkGpio('libgpiod 2', toolsOf(trixie));
console.log(`kernel checks: ${okCount} ok, ${failedCount} not ok`);
process.exit(failedCount === 0 ? 0 : 1);
