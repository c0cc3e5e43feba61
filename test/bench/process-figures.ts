import { readFileSync } from 'node:fs';

/** Kernel clock ticks in a second, as user space sees them on every Linux. */
const TICKS_PER_SECOND = 100;

/** Memory of a process that is in RAM now, in MB (10^6 bytes); undefined once it has ended. */
export function rssMb(pid: number): number | undefined {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(procFile(pid, 'status') ?? '');
  return line === null ? undefined : (Number(line[1]) * 1024) / 1e6;
}

/** Processor time that a process has used in all its threads, in milliseconds; undefined once it has ended. */
export function cpuMs(pid: number): number | undefined {
  return ticksMs(pid, 14);
}

/** The same of all its children that have ended. */
export function endedChildrenMs(pid: number): number | undefined {
  return ticksMs(pid, 16);
}

/** The sum of two neighbouring fields of /proc/<pid>/stat: proc(5), 14 and 15 are utime and stime, 16 and 17 cutime and cstime. */
function ticksMs(pid: number, field: 14 | 16): number | undefined {
  // The name in brackets may hold spaces; what follows it does not, and begins with field 3.
  const fields = procFile(pid, 'stat')?.split(') ').at(-1)?.split(' ');
  if (fields === undefined) return undefined;
  return ((Number(fields[field - 3]) + Number(fields[field - 2])) * 1000) / TICKS_PER_SECOND;
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
