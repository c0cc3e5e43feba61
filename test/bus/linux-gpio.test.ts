import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type OpenNativeOutput, openGpio } from '../../drivers/bus/linux-gpio.ts';
import { realClock } from '../../gateway/real-host.ts';

// Programs that answer as those of libgpiod do: generation 1 is Debian 12's 1.6.3, generation 2 Debian 13's 2.2. What they
// print was seen on a kernel with simulated chips (npm run test:kernel).

const CHIPS = 'gpiochip0 [raspberrypi-exp-gpio] (8 lines)\ngpiochip1 [pinctrl-bcm2711] (58 lines)\n';
const USED = {
  1: 'gpiochip1 - 58 lines:\n\tline  16:      unnamed       unused   input  active-high \n\tline  17:      unnamed      "sysfs"  output  active-high [used]\n',
  2: 'gpiochip1 - 58 lines:\n\tline  16:\tunnamed         \tinput\n\tline  17:\tunnamed         \toutput consumer="sysfs"\n',
};
const VERSION = {
  1: 'gpiodetect (libgpiod) v1.6.3\nCopyright (C) 2017-2018 Bartosz Golaszewski\nLicense: LGPLv2.1',
  2: 'gpiodetect (libgpiod) v2.2.1',
};
/** A line at 12.5 s and one at 13.25 s of the monotonic clock, as each generation prints them. */
const EDGES = { 1: '0 12 500000000\n1 13 250000000\n', 2: '2 12.500000000\n1 13.250000000\n' };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

interface Sketch {
  readonly generation?: 1 | 2;
  readonly chips?: string;
  readonly level?: '0' | '1';
  /** What gpiomon and gpioget say instead of working. */
  readonly refuses?: string;
  /** Line 17 was not handed to sysfs yet. */
  readonly withoutLine?: boolean;
}

/** Line 17 is handed to sysfs, and its files may be written. */
function exported(root: string): void {
  mkdirSync(join(root, 'sys/class/gpio/gpio529'), { recursive: true });
  for (const name of ['value', 'direction']) writeFileSync(join(root, 'sys/class/gpio/gpio529', name), '');
}

/** A machine with the chips of gp-01 (bases 512 and 570), on which programs note how they were called. */
async function machine({ generation = 1, chips = CHIPS, level = '1', refuses, withoutLine = false }: Sketch = {}) {
  const root = mkdtempSync(join(tmpdir(), 'barri-gpio-'));
  folders.push(root);
  for (const [name, label, base] of [
    ['gpiochip512', 'pinctrl-bcm2711', 512],
    ['gpiochip570', 'raspberrypi-exp-gpio', 570],
  ] as const) {
    mkdirSync(join(root, 'sys/class/gpio', name), { recursive: true });
    writeFileSync(join(root, 'sys/class/gpio', name, 'label'), `${label}\n`);
    writeFileSync(join(root, 'sys/class/gpio', name, 'base'), `${base}\n`);
  }
  const file = (name: string, text: string) => writeFileSync(join(root, name), text);
  if (!withoutLine) exported(root);
  file('chips', chips);
  file('used', USED[generation]);
  file('level', `${level}\n`);
  file('version', `${VERSION[generation]}\n`);
  file('calls', '');
  spawnSync('mkfifo', [join(root, 'edges')]);
  const program = (name: string, body: string) => {
    file(name, `#!/bin/sh\ncd "$(dirname "$0")"\necho "${name} $*" >> calls\n${body}\n`);
    chmodSync(join(root, name), 0o755);
  };
  const refusal = refuses === undefined ? '' : `echo "${refuses}" >&2; exit 1`;
  program('gpiodetect', 'case "$1" in --version) cat version;; *) cat chips;; esac');
  program('gpioinfo', 'cat used');
  program('gpioget', refusal || 'cat level');
  program('gpiomon', refusal || 'exec cat edges');
  const set: string[] = [];
  const loadNative = async (): Promise<OpenNativeOutput> => (number, safe) => {
    set.push(`${number} ${safe}`);
    return { write: async (value) => void set.push(`${number} = ${value}`), read: async () => 1 };
  };
  const open = (native = loadNative) => openGpio({ clock: realClock(), root, toolsFolder: root, loadNative: native });
  const calls = () => readFileSync(join(root, 'calls'), 'utf8').trim().split('\n');
  return { open, set, calls, root };
}

/** Takes the first items, and says how it ended when there are fewer. */
async function taken<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

describe('outputs', () => {
  test('are set up by the number of the kernel, at their level from the first moment', async () => {
    const { open, set } = await machine();
    const output = await (await open()).output(17).open(true);
    await output.write(false);
    expect(await output.read()).toBe(true);
    // Pin 11 is line 17 of the chip whose numbers begin at 512, which is not the first one.
    expect(set).toEqual(['529 high', '529 = 0']);
  });

  test('are waited for until udev has given their files to us, and nothing stands still meanwhile', async () => {
    const { open, root, set } = await machine({ withoutLine: true });
    const lines = await open();
    const opening = lines.output(17).open(true);
    const handedOver = () =>
      existsSync(join(root, 'sys/class/gpio/export')) && readFileSync(join(root, 'sys/class/gpio/export'), 'utf8');
    await expect.poll(handedOver).toBe('529');
    expect(set).toEqual([]);
    exported(root);
    await opening;
    expect(readFileSync(join(root, 'sys/class/gpio/gpio529/direction'), 'utf8')).toBe('high');
    expect(set).toEqual(['529 high']);
  });

  test('whose files never come are absent, and the line is free for the next try', async () => {
    const { open, root } = await machine({ withoutLine: true });
    const lines = await open();
    await expect(lines.output(17).open(true)).rejects.toMatchObject({ kind: 'absent', message: expect.stringMatching(/ENOENT/) });
    exported(root);
    await lines.output(17).open(true);
  });

  test.each([
    ['EBUSY', 'busy', /GPIO line 17 \(gpiochip1\) is used by sysfs/],
    ['EACCES', 'no-permission', /usermod -aG gpio/],
    ['EINVAL', 'absent', /cannot be set up: EINVAL/],
  ])('that the kernel refuses with %s are %s', async (code, kind, message) => {
    const { open } = await machine();
    const refuse = async (): Promise<OpenNativeOutput> => () => {
      throw Object.assign(new Error(`${code}: open`), { code });
    };
    const lines = await open(refuse);
    await expect(lines.output(17).open(false)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
    // The line is free for the next try.
    await expect(lines.output(17).open(false)).rejects.toMatchObject({ kind });
  });
});

describe.each([1, 2] as const)('inputs, with generation %d of the tools', (generation) => {
  const LISTENING = {
    1: 'gpiomon --line-buffered --bias pull-up --format %e %s %n gpiochip1 17',
    2: 'gpiomon --consumer barri --bias pull-up --format %e %S --chip gpiochip1 17',
  }[generation];

  test('are read, and followed with their pull', async () => {
    const { open, calls, root } = await machine({ generation });
    const input = await (await open()).input(17).open({ pull: 'up', debounceMs: 50 });
    expect(await input.read()).toBe(true);
    const stop = new AbortController();
    const changes = taken(input.changes(stop.signal), 2);
    const edges = await openFile(join(root, 'edges'), 'w');
    await edges.write(`half a line\n${EDGES[generation]}`);
    expect(await changes).toEqual([false, true]);
    expect(await input.read()).toBe(true);
    stop.abort();
    await edges.close();
    expect(calls().at(-1)).toBe(LISTENING);
  });

  test.each([
    ['error waiting for events: Device or resource busy', 'busy', /GPIO line 17 \(gpiochip1\) is used by sysfs/],
    ['unable to request lines: Permission denied', 'no-permission', /usermod -aG gpio/],
    ['something else', 'closed', /something else/],
  ])('whose program says "%s" are %s', async (refuses, kind, message) => {
    const { open } = await machine({ generation, refuses });
    await expect((await open()).input(17).open({ pull: 'up', debounceMs: 0 })).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
  });

  test('fail when the program ends, and can be followed again', async () => {
    const { open, root } = await machine({ generation });
    const input = await (await open()).input(17).open({ pull: 'up', debounceMs: 50 });
    const { signal } = new AbortController();
    const failing = expect(taken(input.changes(signal), 9)).rejects.toMatchObject({
      kind: 'closed',
      message: expect.stringMatching(/gpiomon ended/),
    });
    await (await openFile(join(root, 'edges'), 'w')).close();
    await failing;
    const again = taken(input.changes(signal), 1);
    const edges = await openFile(join(root, 'edges'), 'w');
    await edges.write(EDGES[generation]);
    expect(await again).toEqual([false]);
    await edges.close();
  });

  test('tell an edge that came before anybody followed: the first one leads to the level that the line had already', async () => {
    const { open, root } = await machine({ generation, level: '0' });
    const input = await (await open()).input(17).open({ pull: 'up', debounceMs: 50 });
    const changes = taken(input.changes(new AbortController().signal), 3);
    const edges = await openFile(join(root, 'edges'), 'w');
    await edges.write(EDGES[generation]);
    expect(await changes).toEqual([true, false, true]);
    await edges.close();
  });

  /** `count` edges, 5.1 ms apart: a hundred pulses a second, which is no storm. */
  const pulses = (count: number) =>
    Array.from({ length: count }, (_, i) => {
      const us = 12_000_000 + 5100 * i;
      const [s, ns] = [Math.floor(us / 1e6), String((us % 1e6) * 1000).padStart(9, '0')];
      return generation === 1 ? `${i % 2} ${s} ${ns}\n` : `${2 - (i % 2)} ${s}.${ns}\n`;
    });

  test.each([
    { edgeCount: 100, isMissed: false },
    // gpiomon may have had to wait, and the kernel keeps 16 edges for it.
    { edgeCount: 300, isMissed: true },
    { edgeCount: 600, isMissed: true },
  ])('give all of $edgeCount edges that waited for us; some may be missing: $isMissed', async ({ edgeCount, isMissed }) => {
    const { open, root } = await machine({ generation });
    const input = await (await open()).input(17).open({ pull: 'up', debounceMs: 0 });
    let missedCount = 0;
    const onMissed = () => {
      missedCount += 1;
    };
    const changes = taken(input.changes(new AbortController().signal, onMissed), edgeCount);
    const edges = await openFile(join(root, 'edges'), 'w');
    await edges.write(pulses(edgeCount).join(''));
    expect(await changes).toEqual(Array.from({ length: edgeCount }, (_, i) => i % 2 === 1));
    expect(missedCount > 0).toBe(isMissed);
    await edges.close();
  });

  test('end without an error when nobody listens any more', async () => {
    const { open, root } = await machine({ generation });
    const input = await (await open()).input(17).open({ pull: 'up', debounceMs: 50 });
    const stop = new AbortController();
    const changes = taken(input.changes(stop.signal), 9);
    const edges = await openFile(join(root, 'edges'), 'w');
    stop.abort();
    expect(await changes).toEqual([]);
    await edges.close();
  });
});

test('an input in a storm cannot be read, and its program is ended', async () => {
  const { open, root } = await machine();
  const input = await (await open()).input(17).open({ pull: 'up', debounceMs: 0 });
  const stop = new AbortController();
  const all = taken(input.changes(stop.signal), 9999);
  const edges = await openFile(join(root, 'edges'), 'w');
  const storm = Array.from({ length: 300 }, (_, i) => `${i % 2} 12 ${String(i * 1000)}`);
  await edges.write(`${storm.join('\n')}\n`);
  await expect.poll(() => input.read().then(String, (error: { kind: string }) => error.kind)).toBe('edge-storm');
  stop.abort();
  expect(await all).toHaveLength(200);
  await edges.close();
});

test('a line has one owner', async () => {
  const { open } = await machine();
  const lines = await open();
  const input = await lines.input(17).open({ pull: 'up', debounceMs: 0 });
  await expect(lines.output(17).open(false)).rejects.toMatchObject({ kind: 'busy', message: expect.stringMatching(/line 17/) });
  await input.close();
  await lines.output(17).open(false);
  await expect(lines.input(58).open({ pull: 'up', debounceMs: 0 })).rejects.toMatchObject({
    kind: 'absent',
    message: expect.stringMatching(/below 58/),
  });
});

test('a machine without such a chip says which it has, and one without the tools how to install them', async () => {
  const { open } = await machine({ chips: 'gpiochip0 [sunxi] (224 lines)\n' });
  await expect(open()).rejects.toMatchObject({
    kind: 'absent',
    message: expect.stringMatching(/pinctrl-bcm2711.*found gpiochip0 \(sunxi\)/),
  });
  const none = openGpio({ clock: realClock(), toolsFolder: '/nowhere' });
  await expect(none).rejects.toMatchObject({ kind: 'unsupported', message: expect.stringMatching(/apt-get install gpiod/) });
});

test.each([
  [
    'may open no chip',
    `gpiodetect: unable to open chip '/dev/gpiochip0': Permission denied`,
    'no-permission',
    /usermod -aG gpio/,
  ],
  ['finds nothing', 'gpiodetect: unable to open chip: No such device', 'absent', /No such device/],
  ['cannot be run', '', 'closed', /Command failed/],
])('a gpiodetect that %s is a failure of the bus, and no end of the gateway', async (_title, says, kind, message) => {
  for (const when of ['--version', '']) {
    const { open, root } = await machine();
    const fails = `echo "${says}" >&2; exit 1`;
    const body = `case "$1" in "${when}") ${fails};; --version) cat version;; *) cat chips;; esac`;
    writeFileSync(join(root, 'gpiodetect'), `#!/bin/sh\ncd "$(dirname "$0")"\n${body}\n`);
    await expect(open()).rejects.toMatchObject({ name: 'BusError', kind, message: expect.stringMatching(message) });
  }
});

test('a chip that may not be opened keeps nobody from another one', async () => {
  const { open, root, set } = await machine();
  const body =
    'case "$1" in --version) cat version;; *) cat chips; echo "unable to open chip: Permission denied" >&2; exit 1;; esac';
  writeFileSync(join(root, 'gpiodetect'), `#!/bin/sh\ncd "$(dirname "$0")"\n${body}\n`);
  await (await open()).output(17).open(true);
  expect(set).toEqual(['529 high']);
});

test('a gateway that is killed leaves no program behind that holds a line', async () => {
  const { root } = await machine();
  const code = `
    import { openGpio } from '${new URL('../../drivers/bus/linux-gpio.ts', import.meta.url).pathname}';
    import { realClock } from '${new URL('../../gateway/real-host.ts', import.meta.url).pathname}';
    const options = { clock: realClock(), root: '${root}', toolsFolder: '${root}' };
    const input = await (await openGpio(options)).input(17).open({ pull: 'up', debounceMs: 0 });
    for await (const level of input.changes(new AbortController().signal)) console.log(level);`;
  const gateway = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const edges = await openFile(join(root, 'edges'), 'w');
  await edges.write(EDGES[1]);
  await once(gateway.stdout, 'data');
  gateway.kill('SIGKILL');
  // Nobody reads the pipe any more once its program is gone.
  const write = () => edges.write(EDGES[1]).then(String, (error: { code: string }) => error.code);
  await expect.poll(write, { timeout: 10_000 }).toBe('EPIPE');
  await edges.close();
});
