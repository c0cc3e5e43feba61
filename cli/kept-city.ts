import * as fs from 'node:fs';
import type { City } from '../simulator/sentilo/city.ts';
import { createCity } from '../simulator/sentilo/city.ts';
import { keepingRequests, NotKept, replay } from '../simulator/sentilo/kept-requests.ts';
import type { World } from '../simulator/sentilo/world.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/sim-sentilo.ts';
import { say } from './say.ts';

/** Only its owner: what somebody measured is theirs. */
const MODE = 0o600;

/**
 * A city that holds what the file has kept, and keeps there what is sent to it, one request a line. Undefined when the file
 * cannot be used: then it was said why.
 */
export function openKeptCity(file: string, world: World, io: Io): City | undefined {
  let fd: number;
  try {
    fd = fs.openSync(file, 'a+', MODE);
  } catch (error) {
    return say(text.notKept(file, codeOf(error)), io, EXIT.config);
  }
  try {
    const city = replay(world, wholeLines(fd), (startedMs) => createCity(world, startedMs === undefined ? {} : { startedMs }));
    return keepingRequests(city, keeper(fd, file, io));
  } catch (error) {
    if (error instanceof NotKept) return say(text.notKept(file, error.message), io, EXIT.config);
    if ((error as NodeJS.ErrnoException).code !== undefined) return say(text.notKept(file, codeOf(error)), io, EXIT.config);
    throw error;
  }
}

/** A line that was cut off, because the program was killed in the middle of it, is taken away: its request was not answered. */
function wholeLines(fd: number): string[] {
  const bytes = fs.readFileSync(fd);
  const end = bytes.lastIndexOf('\n') + 1;
  if (end < bytes.length) fs.ftruncateSync(fd, end);
  return bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
}

/** Each line is written before its request is answered. A disk that fails ends the keeping, which is said once, and not the city. */
function keeper(fd: number, file: string, io: Io): (line: string) => void {
  let isKeeping = true;
  return (line) => {
    if (!isKeeping) return;
    try {
      fs.writeFileSync(fd, `${line}\n`);
    } catch (error) {
      isKeeping = false;
      say(text.keepsNoMore(file, codeOf(error)), io);
    }
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
