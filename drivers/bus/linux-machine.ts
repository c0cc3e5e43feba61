import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenMachine } from './self.ts';

/** Kinds of zone that are the processor's, as the drivers of usual boards and PCs name them. That of ACPI is often a made-up number. */
const PROCESSOR_ZONE = /^(?:cpu|soc|x86_pkg_temp)/;
/** The driver of a Raspberry Pi's firmware that tells of its supply (Linux, drivers/hwmon/raspberrypi-hwmon.c). */
const SUPPLY = 'rpi_volt';

/** What the processors have done since the machine was switched on, in ticks. */
interface Ticks {
  readonly busy: number;
  readonly all: number;
}

/**
 * The machine as Linux tells of it in /proc and /sys.
 *
 * @param folder on the disk that counts; without it none does
 * @param root where /proc and /sys stand
 */
export async function openMachine(folder: string | undefined, root = '/'): Promise<OpenMachine> {
  const at = (...parts: string[]) => join(root, ...parts);
  let last = await ticks(at('proc/stat'));
  return {
    read: async () => {
      const now = await ticks(at('proc/stat'));
      const processorShare = last === undefined || now === undefined ? undefined : shareBetween(last, now);
      last = now;
      const health = {
        processorShare,
        memoryShare: await memoryShare(at('proc/meminfo')),
        diskShare: folder === undefined ? undefined : await diskShare(folder),
        temperatureC: await temperature(at('sys/class/thermal')),
        isUnderVoltage: await underVoltage(at('sys/class/hwmon')),
      };
      return Object.fromEntries(Object.entries(health).filter(([, value]) => value !== undefined));
    },
    close: async () => {},
  };
}

/** The first line of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user and nice. */
async function ticks(file: string): Promise<Ticks | undefined> {
  const line = /^cpu +(\d+(?: \d+){7})/m.exec((await text(file)) ?? '')?.[1];
  if (line === undefined) return undefined;
  const counts = line.split(' ').map(Number);
  const all = counts.reduce((sum, count) => sum + count, 0);
  return { all, busy: all - (counts[3] ?? 0) - (counts[4] ?? 0) };
}

/** Undefined where no tick has passed. The kernel may take back some of what it counted as waiting for a disk. */
function shareBetween(last: Ticks, now: Ticks): number | undefined {
  const all = now.all - last.all;
  return all <= 0 ? undefined : Math.min(1, Math.max(0, (now.busy - last.busy) / all));
}

/** By what the kernel reckons new programs could have (proc_meminfo(5), MemAvailable). */
async function memoryShare(file: string): Promise<number | undefined> {
  const lines = (await text(file)) ?? '';
  const kilobytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(lines)?.[1] ?? Number.NaN);
  const share = 1 - kilobytes('MemAvailable') / kilobytes('MemTotal');
  return Number.isFinite(share) ? share : undefined;
}

/** As `df` reckons it: what only root may use counts neither as used nor as free. */
async function diskShare(folder: string): Promise<number | undefined> {
  try {
    const { blocks, bfree, bavail } = await statfs(folder);
    const used = blocks - bfree;
    return used + bavail > 0 ? used / (used + bavail) : undefined;
  } catch {
    // A disk that fails has its own alarm: here it is just one that tells nothing.
    return undefined;
  }
}

/** Of the processor's zone with the lowest number. The kernel gives thousandths of a degree. */
async function temperature(folder: string): Promise<number | undefined> {
  for (const zone of await entries(folder, /^thermal_zone\d+$/)) {
    if (!PROCESSOR_ZONE.test((await text(join(folder, zone, 'type'))) ?? '')) continue;
    const milli = (await text(join(folder, zone, 'temp')))?.trim() ?? '';
    if (/^-?\d+$/.test(milli)) return Number(milli) / 1000;
  }
  return undefined;
}

async function underVoltage(folder: string): Promise<boolean | undefined> {
  for (const chip of await entries(folder, /^hwmon\d+$/)) {
    if ((await text(join(folder, chip, 'name')))?.trim() !== SUPPLY) continue;
    const alarm = (await text(join(folder, chip, 'in0_lcrit_alarm')))?.trim();
    if (alarm === '0' || alarm === '1') return alarm === '1';
  }
  return undefined;
}

/** By their numbers; none where there is no such folder. */
async function entries(folder: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => pattern.test(name)).sort((a, b) => Number(/\d+/.exec(a)?.[0]) - Number(/\d+/.exec(b)?.[0]));
}

/** Undefined for a file that is not there or cannot be read: a value that this machine does not have. */
async function text(file: string): Promise<string | undefined> {
  return await readFile(file, 'latin1').catch(() => undefined);
}
