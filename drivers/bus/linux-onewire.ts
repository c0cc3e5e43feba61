import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BusError } from '../errors.ts';
import type { OpenOneWireBus } from './onewire.ts';

const FOLDER = 'sys/bus/w1/devices';
const ROM = /^[0-9a-f]{2}-[0-9a-f]{12}$/;

/**
 * The 1-Wire buses of the machine, all in one: Linux names a device by its ROM wherever it is. `root` is where /sys stands.
 * @throws BusError `absent` when the kernel drives no 1-Wire bus
 */
export async function openOneWire(root = '/'): Promise<OpenOneWireBus> {
  const folder = join(root, FOLDER);
  await namesIn(folder);
  return {
    async readThermometer(rom) {
      if (!ROM.test(rom)) throw new BusError('absent', `expected a name such as 28-0316a2799dff, found ${rom}`);
      try {
        return Uint8Array.from(await readFile(join(folder, rom, 'w1_slave')));
      } catch (cause) {
        throw await readError(folder, rom, cause as NodeJS.ErrnoException);
      }
    },
    close: async () => {},
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const fix = 'switch 1-Wire on in the boot settings of the machine, and load the kernel module w1-therm';
    throw new BusError('absent', `the kernel drives no 1-Wire bus (${folder} is not there): ${fix}`, { cause });
  }
}

async function readError(folder: string, rom: string, cause: NodeJS.ErrnoException): Promise<BusError> {
  switch (cause.code) {
    case 'ENOENT': {
      const seen = (await namesIn(folder)).filter((name) => ROM.test(name));
      // Its folder stands there without the file where the kernel has no driver for that family, or not loaded it.
      if (seen.includes(rom))
        return new BusError('absent', `${rom} is there, but the kernel module w1-therm is not loaded`, { cause });
      return new BusError('absent', `${rom} is not there; the kernel sees ${seen.join(', ') || 'no 1-Wire device'}`, { cause });
    }
    case 'EACCES':
    case 'EPERM':
      return new BusError('no-permission', `${rom}: this user may not read it; see who may with \`ls -l ${join(folder, rom)}\``, {
        cause,
      });
    // The kernel gave up: the device went away in the middle, or the line is held low.
    case 'EIO':
    case 'ENODEV':
    case 'EAGAIN':
      return new BusError(
        'no-answer',
        `${rom} does not answer (${cause.code}): its wires, or the resistor between data and 3.3 V`,
        { cause },
      );
    default:
      return new BusError('no-answer', `${rom} cannot be read: ${cause.message}`, { cause });
  }
}
