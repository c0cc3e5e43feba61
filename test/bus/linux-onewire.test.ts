import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openOneWire } from '../../drivers/bus/linux-onewire.ts';
import { w1Therm } from '../../drivers/w1_therm.ts';
import { deviceSpec } from '../support/device-spec.ts';
import { TestClock } from '../support/test-clock.ts';

const ROM = '28-0316a2799dff';
const NO_ABORT = new AbortController().signal;
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A machine whose kernel sees these probes. */
function machine(...roms: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), 'barri-w1-'));
  folders.push(root);
  const folder = join(root, 'sys/bus/w1/devices');
  mkdirSync(join(folder, 'w1_bus_master1'), { recursive: true });
  for (const rom of roms) mkdirSync(join(folder, rom));
  return {
    root,
    say: (rom: string, text: string) => writeFileSync(join(folder, rom, 'w1_slave'), text),
    unplug: (rom: string) => rmSync(join(folder, rom), { recursive: true }),
    plug: (rom: string) => mkdirSync(join(folder, rom)),
  };
}

test('a file that is bad, then empty, then gone, then there again: three errors of their own, and then the value', async () => {
  // raspberrypi/linux#252 and timofurrer/w1thermsensor#105, on the kernel's tree as it changes under a running gateway.
  const { root, say, unplug, plug } = machine(ROM, '28-000000000001');
  const device = await w1Therm.open(
    await openOneWire(root),
    deviceSpec('ds18b20', { rom: ROM }, ['temperature']),
    new TestClock(),
  );
  const read = () => device.read?.(NO_ABORT);
  say(ROM, '50 05 4b 46 7f ff 0c 10 2c : crc=1c NO\n50 05 4b 46 7f ff 0c 10 2c t=85000\n');
  await expect(read()).rejects.toMatchObject({ kind: 'bad-checksum' });
  say(ROM, '');
  await expect(read()).rejects.toMatchObject({ kind: 'timeout' });
  unplug(ROM);
  await expect(read()).rejects.toMatchObject({
    kind: 'absent',
    message: expect.stringMatching(/the kernel sees 28-000000000001$/),
  });
  plug(ROM);
  say(ROM, '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n');
  expect(await read()).toEqual([{ id: 'temperature', value: 25.0625 }]);
});

test('a probe for which the kernel has no driver is there, and the module is named', async () => {
  const { root } = machine(ROM);
  const bus = await openOneWire(root);
  await expect(bus.readThermometer(ROM)).rejects.toMatchObject({
    kind: 'absent',
    message: expect.stringMatching(/w1-therm is not loaded/),
  });
});

test('nothing but the name of a device is looked up', async () => {
  const { root } = machine();
  const bus = await openOneWire(root);
  await expect(bus.readThermometer('../../../etc')).rejects.toMatchObject({
    kind: 'absent',
    message: expect.stringMatching(/expected a name such as/),
  });
});

test('a machine without 1-Wire says what to switch on', async () => {
  await expect(openOneWire('/nowhere')).rejects.toMatchObject({
    kind: 'absent',
    message: expect.stringMatching(/switch 1-Wire on/),
  });
});
