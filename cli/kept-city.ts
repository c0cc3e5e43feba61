import * as fs from 'node:fs';
import type { City } from '../simulator/sentilo/city.ts';
import { createCity } from '../simulator/sentilo/city.ts';
import { keepingRequests, LINE_START, NotKept, replay } from '../simulator/sentilo/kept-requests.ts';
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
    return say(text.notKept(file, text.notOpened(file, codeOf(error))), io, EXIT.config);
  }
  try {
    const { lines, sizeBytes, isCut } = wholeLines(fd);
    const city = replay(world, lines, (startedMs) => createCity(world, startedMs === undefined ? {} : { startedMs }));
    if (isCut) fs.ftruncateSync(fd, sizeBytes);
    return keepingRequests(city, keeper(fd, file, io));
  } catch (error) {
    if (error instanceof NotKept) return say(text.notKept(file, text.otherContent(error.message)), io, EXIT.config);
    if ((error as NodeJS.ErrnoException).code !== undefined)
      return say(text.notKept(file, text.notOpened(file, codeOf(error))), io, EXIT.config);
    throw error;
  }
}

/**
 * The lines, and whether one behind them was cut off, because the program was killed in the middle of it: its request was not
 * answered. Throws NotKept for an end that no kept line begins with: that file is somebody's.
 */
function wholeLines(fd: number): { readonly lines: string[]; readonly sizeBytes: number; readonly isCut: boolean } {
  const bytes = fs.readFileSync(fd);
  const sizeBytes = bytes.lastIndexOf('\n') + 1;
  const end = bytes.subarray(sizeBytes).toString('utf8');
  const lines = bytes.subarray(0, sizeBytes).toString('utf8').split('\n').slice(0, -1);
  if (!end.startsWith(LINE_START) && !LINE_START.startsWith(end)) throw new NotKept(`line ${lines.length + 1} was not kept`);
  return { lines, sizeBytes, isCut: end !== '' };
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
