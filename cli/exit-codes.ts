/** What the process's exit code tells a script. */
export const EXIT = {
  ok: 0,
  /** The command worked and found problems. */
  problems: 1,
  /** Wrong use of the command. */
  usage: 2,
  /** A device or bus did not answer. */
  device: 3,
  /** The city platform refused or cannot be reached. For commands to come. */
  city: 4,
  /** Not allowed. */
  forbidden: 5,
  /** A bug of ours. */
  bug: 70,
  /** Try again: locked, port busy, disk full or read-only. */
  tryAgain: 75,
  /** The service cannot start with this configuration. */
  config: 78,
  /** Ended by a signal before it was done. */
  interrupted: 130,
} as const;

/** What a disk says that takes nothing now: once it does, the same command works. Everything else asks for another file. */
const DISK_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** The exit code of a command whose output could not be written, by what the operating system said (ENOSPC …). */
export function exitOfOutput(code: string): number {
  if (DISK_CODES.has(code)) return EXIT.tryAgain;
  return isForbidden(code) ? EXIT.forbidden : EXIT.usage;
}

/** Whether the operating system said that this user may not. */
export function isForbidden(code: string): boolean {
  return code === 'EACCES' || code === 'EPERM';
}
