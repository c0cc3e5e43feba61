import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openMachine } from '../../drivers/bus/linux-machine.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A machine whose /proc and /sys hold these files. */
function machine(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'barri-machine-'));
  folders.push(root);
  write(root, files);
  return root;
}

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** The form of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice. */
const STAT = (counts: string) => `cpu  ${counts}\ncpu0 1 2 3 4 5 6 7 8 0 0\nintr 114930548 113199788\nctxt 1990473\n`;
/** The first lines of proc_meminfo(5). */
const MEMINFO =
  'MemTotal:        3884384 kB\nMemFree:          115288 kB\nMemAvailable:    2913288 kB\nBuffers:           76168 kB\n';

/** A Raspberry Pi 4: kinds and names as its kernel writes them. */
const PI = {
  'proc/stat': STAT('100 0 50 800 50 0 0 0 0 0'),
  'proc/meminfo': MEMINFO,
  'sys/class/thermal/cooling_device0/type': 'gpio-fan\n',
  'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'sys/class/thermal/thermal_zone0/temp': '48312\n',
  'sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
  'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
  'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '0\n',
};

describe('the machine as Linux tells of it', () => {
  test('a Raspberry Pi, from one look to the next', async () => {
    const root = machine(PI);
    const opened = await openMachine(undefined, root);
    // Of 400 ticks more 100 were spent working: 60 user, 10 nice, 20 system, 4 irq, 5 softirq, 1 steal.
    write(root, { 'proc/stat': STAT('160 10 70 1090 60 4 5 1 30 5') });
    expect(await opened.read()).toEqual({
      processorShare: 0.25,
      memoryShare: 1 - 2_913_288 / 3_884_384,
      temperatureC: 48.312,
      isUnderVoltage: false,
    });
    write(root, { 'proc/stat': STAT('160 10 70 1190 60 4 5 1 30 5'), 'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n' });
    expect(await opened.read()).toMatchObject({ processorShare: 0, isUnderVoltage: true });
    await opened.close();
  });

  test('a machine without sensors leaves them out', async () => {
    const opened = await openMachine(undefined, machine({ 'proc/stat': PI['proc/stat'], 'proc/meminfo': MEMINFO }));
    expect(Object.keys(await opened.read())).toEqual(['memoryShare']);
  });

  test('a machine that tells nothing, or nonsense, tells nothing', async () => {
    expect(await (await openMachine(undefined, machine({}))).read()).toEqual({});
    const odd = machine({
      'proc/stat': 'cpu  1 2 3\n',
      'proc/meminfo': 'MemTotal: 0 kB\nMemAvailable: 0 kB\n',
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
      'sys/class/thermal/thermal_zone0/temp': '\n',
      'sys/class/hwmon/hwmon0/name': 'rpi_volt\n',
      'sys/class/hwmon/hwmon0/in0_lcrit_alarm': '?\n',
    });
    expect(await (await openMachine('/nonexistent/folder', odd)).read()).toEqual({});
  });

  test('takes the processor, not the radio or what the firmware says, and of several zones the first', async () => {
    const zones = ['iwlwifi_1', 'acpitz', 'x86_pkg_temp', 'x86_pkg_temp'].flatMap((type, index) => [
      [`sys/class/thermal/thermal_zone${9 + index}/type`, `${type}\n`],
      [`sys/class/thermal/thermal_zone${9 + index}/temp`, `${1000 * (30 + index)}\n`],
    ]);
    const opened = await openMachine(undefined, machine(Object.fromEntries(zones)));
    expect(await opened.read()).toEqual({ temperatureC: 32 });
  });

  test('reckons the disk as df does', async () => {
    const folder = machine({});
    const { diskShare } = await (await openMachine(folder, folder)).read();
    const percent = Number(/(\d+)%/.exec(execFileSync('df', ['--output=pcent', folder], { encoding: 'utf8' }))?.[1]);
    // df rounds up, and other programs write meanwhile.
    expect(Math.abs(100 * (diskShare ?? Number.NaN) - percent)).toBeLessThanOrEqual(1.1);
  });
});
