import { execFileSync } from 'node:child_process';
import { realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

type Call = 'open' | 'close';

/** Calls of a process into the operating system that hang for as long as the test says, see hang.c. */
export interface Hang {
  /** What the process has to be started with. */
  readonly env: Record<string, string>;
  /** From now on this call hangs for this path: a device file that is there is closed under its real name. */
  plant(call: Call, path: string): void;
  /** The call comes back, and the next ones do. */
  release(call: Call, path: string): void;
}

export function plantedHang(folder: string): Hang {
  const library = join(folder, 'hang.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'hang.c'), '-ldl'], { stdio: 'inherit' });
  const flag = (call: Call, path: string) => join(folder, `${call}-${basename(call === 'close' ? realpathSync(path) : path)}`);
  return {
    env: { HANG_IN: folder, LD_PRELOAD: library },
    plant: (call, path) => writeFileSync(flag(call, path), ''),
    release: (call, path) => rmSync(flag(call, path)),
  };
}
