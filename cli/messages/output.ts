const MAKE_ROOM = 'make room, or choose a file on another disk';

/** What to do where an output cannot be written, by what the operating system said. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: MAKE_ROOM,
  EDQUOT: MAKE_ROOM,
  EROFS: 'choose a file on another disk',
  EFBIG: 'choose a file on another disk, or write less at once',
};

/** What the operating system means. */
const CODES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'a file may not be that large there',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is read-only',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'its name is too long',
};

/** That an output cannot be written, why, and what to do. Without a path it is the standard output. */
export function outputFailed(code: string, path?: string): string {
  const remedy = REMEDIES[code] ?? 'choose another file';
  const advice = path === undefined ? remedy : `nothing half-written is left under this name; ${remedy}: --out FILE`;
  return `error[B127] ${path ?? 'the output'} cannot be written: ${CODES[code] ?? code}\n   = ${advice}\n`;
}
