import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { BusError } from '../errors.ts';
import { type FollowedLine, followedInput } from './followed-input.ts';
import type { DigitalInput, DigitalOutput, GpioLines, InputOptions } from './gpio.ts';
import { exportOutput } from './linux-gpio-export.ts';
import { type GpioTools, gpioTools } from './linux-gpio-tools.ts';
import { groupFix } from './linux-group.ts';
import { notLoaded } from './native-package.ts';

/**
 * The chips that carry a Raspberry Pi's header, by the label of their driver: Pi 5, Pi 4, Pi 0 to 3. The number of a chip and
 * the base of its lines are another one on every kernel (raspberrypi/linux #6084).
 */
const HEADER_CHIPS = ['pinctrl-rp1', 'pinctrl-bcm2711', 'pinctrl-bcm2835'];

const SYSFS = 'sys/class/gpio';

/** What is used of a line of the package onoff. */
export interface NativeOutput {
  write(value: 0 | 1): Promise<void>;
  read(): Promise<0 | 1>;
}

/** Sets a line up as an output that is `high` or `low` from the first moment; `number` is its number in sysfs. */
export type OpenNativeOutput = (number: number, level: 'high' | 'low') => NativeOutput;

export interface LinuxGpioOptions {
  readonly clock: Clock;
  /** Where /sys stands. */
  readonly root?: string;
  /** Where the tools of libgpiod are; without it they are looked for in PATH. */
  readonly toolsFolder?: string;
  /** The label of the chip, where it is not that of a Raspberry Pi's header. */
  readonly label?: string;
  readonly loadNative?: () => Promise<OpenNativeOutput>;
}

interface Chip {
  readonly name: string;
  readonly label: string;
  readonly lineCount: number;
  /** Of its first line in sysfs; undefined where the kernel has no sysfs for GPIO. */
  readonly base: number | undefined;
}

/**
 * The GPIO lines of this machine's header. Inputs are followed by the tools of libgpiod, one program a line, because nothing
 * else loses no edge; outputs are driven through sysfs by the package onoff, because there a line keeps its level when the
 * gateway ends.
 * @throws BusError `absent` when the machine has no such chip, `unsupported` when the tools are not installed
 */
export async function openGpio(options: LinuxGpioOptions): Promise<GpioLines> {
  const { clock, root = '/', toolsFolder, label, loadNative = loadPackage } = options;
  const tools = await gpioTools(toolsFolder);
  const chip = await findChip(tools, root, label === undefined ? HEADER_CHIPS : [label]);
  const owned = new Set<number>();
  const take = (line: number) => {
    if (line >= chip.lineCount) {
      throw new BusError(
        'absent',
        `GPIO line ${line}: expected one below ${chip.lineCount}, which ${chip.name} (${chip.label}) has`,
      );
    }
    if (owned.has(line)) throw new BusError('busy', `GPIO line ${line} is in use already by this gateway`);
    owned.add(line);
  };
  /** A line whose opening failed is free again. */
  const taken = async <T>(line: number, open: () => Promise<T>): Promise<T> => {
    take(line);
    try {
      return await open();
    } catch (error) {
      owned.delete(line);
      throw error;
    }
  };
  const closing = (line: number) => async () => {
    owned.delete(line);
  };
  return {
    input: (line) => ({
      open: (input) => taken(line, () => openInput({ tools, chip, line, input, clock, release: closing(line) })),
    }),
    output: (line) => ({
      open: (level) =>
        taken(line, async () => {
          const place = { tools, chip, line, level, clock, folder: join(root, SYSFS), release: closing(line) };
          return openOutput({ ...place, openNative: await loadNative() });
        }),
    }),
    close: async () => {},
  };
}

async function loadPackage(): Promise<OpenNativeOutput> {
  try {
    const { Gpio } = await import('onoff');
    return (number, level) => new Gpio(number, level);
  } catch (cause) {
    throw notLoaded('GPIO', 'onoff', cause);
  }
}

/** The chip with the first of these labels: by what it is, since chips change their order from kernel to kernel. */
async function findChip(tools: GpioTools, root: string, labels: readonly string[]): Promise<Chip> {
  const chips = await tools.chips();
  for (const label of labels) {
    const [chip, another] = chips.filter((each) => each.label === label);
    if (another !== undefined) throw new BusError('busy', `GPIO: ${chip?.name} and ${another.name} are both called ${label}`);
    if (chip !== undefined) return { ...chip, base: await baseOf(join(root, SYSFS), label) };
  }
  const found = chips.map(({ name, label }) => `${name} (${label})`).join(', ') || 'none';
  throw new BusError(
    'absent',
    `GPIO: expected a chip ${labels.join(', ')}, found ${found}: this machine has no header that this version knows`,
  );
}

/** sysfs numbers the lines of all chips in one row: gpiochip512/{label,base}. */
async function baseOf(folder: string, label: string): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => /^gpiochip\d+$/.test(each))) {
    const read = async (file: string) => (await readFile(join(folder, name, file), 'utf8').catch(() => '')).trim();
    // A chip can go between the list and the look, as one at an adapter does.
    const [found, base] = [await read('label'), await read('base')];
    if (found === label && base !== '') return Number(base);
  }
  return undefined;
}

// --------------------------------------------------------------------------------------------------------------- outputs

interface OutputPlace {
  readonly tools: GpioTools;
  readonly chip: Chip;
  readonly line: number;
  readonly level: boolean;
  readonly clock: Clock;
  /** Where sysfs has its lines. */
  readonly folder: string;
  readonly openNative: OpenNativeOutput;
  readonly release: () => Promise<void>;
}

async function openOutput(place: OutputPlace): Promise<DigitalOutput> {
  const { chip, line, release } = place;
  const where = `GPIO line ${line} (${chip.name})`;
  if (chip.base === undefined)
    throw new BusError('unsupported', `${where}: this kernel has no /sys/class/gpio, which outputs need`);
  const native = await opened(place, chip.base + line, where);
  const calling = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (cause) {
      throw new BusError('closed', `${where}: ${(cause as Error).message}`, { cause });
    }
  };
  return {
    write: (next) => calling(native.write(next ? 1 : 0)),
    read: async () => (await calling(native.read())) === 1,
    // Not unexported: the drivers of some chips make an input of a line that is given back, and the output would lose its level.
    close: release,
  };
}

async function opened(
  { tools, chip, line, level, clock, folder, openNative }: OutputPlace,
  number: number,
  where: string,
): Promise<NativeOutput> {
  const first = level ? 'high' : 'low';
  try {
    await exportOutput(folder, number, first, clock);
    return openNative(number, first);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EBUSY') {
      const who = await tools.consumer(chip.name, line).catch(() => undefined);
      throw new BusError('busy', `${where} is used by ${who ?? 'another program'}`, { cause });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new BusError('no-permission', `${where}: this user may not use it; ${groupFix('gpio')}`, { cause });
    }
    throw new BusError('absent', `${where} cannot be set up: ${message}`, { cause });
  }
}

// ---------------------------------------------------------------------------------------------------------------- inputs

interface InputPlace {
  readonly tools: GpioTools;
  readonly chip: Chip;
  readonly line: number;
  readonly input: InputOptions;
  readonly clock: Clock;
  readonly release: () => Promise<void>;
}

async function openInput({ tools, chip, line, input, clock, release }: InputPlace): Promise<DigitalInput> {
  const followed: FollowedLine = {
    look: () => tools.get(chip.name, line, input.pull),
    follow: (listener, signal) => tools.monitor(chip.name, line, input.pull, listener, signal),
  };
  return { ...(await followedInput(followed, { line, debounceMs: input.debounceMs, clock })), close: release };
}
