import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../clock.ts';

/** udev gives the files of a line to the group gpio a moment after the kernel made them: 10 to 100 ms, more while a machine starts. */
const READY_MS_MAX = 800;
const LOOK_MS = 10;

/**
 * Hands a line to sysfs, waits until its files may be written, and makes an output of it that has its level from the first moment.
 *
 * The package onoff does the same in its constructor, but synchronously, with up to 10,000 tries in a row: nothing else would
 * happen meanwhile, and what it is refused for a line that was exported before it does not say. It finds everything done.
 * @param folder sys/class/gpio
 * @throws an error of the operating system: EBUSY where the line is in use, EACCES where the files stay closed
 */
export async function exportOutput(folder: string, number: number, level: 'high' | 'low', clock: Clock): Promise<void> {
  const line = join(folder, `gpio${number}`);
  if (!(await isThere(line))) await writeFile(join(folder, 'export'), String(number));
  const untilMs = clock.monotonicMs() + READY_MS_MAX;
  for (;;) {
    try {
      await (await open(join(line, 'value'), 'r+')).close();
      return await writeFile(join(line, 'direction'), level, { flag: 'r+' });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'EACCES' && code !== 'ENOENT') || clock.monotonicMs() >= untilMs) throw error;
    }
    await sleep(clock, LOOK_MS, new AbortController().signal);
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
