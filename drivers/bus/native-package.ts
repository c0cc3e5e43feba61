import { BusError } from '../errors.ts';

/**
 * Why an optional package with native code cannot be used: it is not there because it could not be built, or it was built
 * for another version of Node than the one that runs.
 */
export function notLoaded(bus: string, name: string, cause: unknown): BusError {
  const isForAnother = (cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED';
  const why = isForAnother
    ? `was built for another version of Node; run npm rebuild ${name}`
    : 'is not there, because it could not be built; install a compiler, then run npm ci again';
  return new BusError('unsupported', `${bus}: the package ${name} ${why}`, { cause });
}
