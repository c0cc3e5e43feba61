import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The kernel ends a program that was started with this as soon as the test has ended, even by SIGKILL. Of util-linux. */
export const WITH_US = ['setpriv', '--pdeathsig', 'KILL'] as const;

/** Debian keeps mkfs.ext4 where only root's PATH looks. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
const OUTPUT_BYTES_MAX = 1 << 20;

/** A folder that is gone after the test, whatever ends it. */
export interface Workspace {
  readonly folder: string;
  close(): Promise<void>;
}

/** The one who removes the folder is a shell of its own session: it waits until nobody holds the other end of its input. */
export function openWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'barri-powercut-'));
  const remover = spawn('sh', ['-c', 'cat > /dev/null; rm -rf -- "$0"', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return {
    folder,
    close: async () => {
      const closed = once(remover, 'close');
      remover.stdin.end();
      await closed;
    },
  };
}

/** What the machine lacks for this test, with the way out. */
export class Missing extends Error {
  override readonly name = 'Missing';
}

/** Programs of the test and Debian's packages that have them. */
const PROGRAMS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  'mkfs.ext4': 'e2fsprogs',
  setpriv: 'util-linux',
  ldd: 'libc-bin',
  dpkg: 'dpkg',
  'apt-get': 'apt',
} as const;

type Program = keyof typeof PROGRAMS | 'apt-cache' | 'make' | 'mmdebstrap' | 'sh' | 'tar';

/** @throws Missing when this is no machine for the test, or programs are missing; all of them are named */
export async function requirePrograms(): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Missing('the power cuts need Linux on amd64');
  const packages: string[] = [];
  for (const [program, debianPackage] of Object.entries(PROGRAMS)) {
    if ((await pathOf(program)) === undefined) packages.push(debianPackage);
  }
  // Debian's other busybox needs libraries, which the guest's first file system has not; ldd fails for a program without.
  const busybox = await pathOf('busybox');
  if (busybox !== undefined && (await run('ldd', [busybox]).catch(() => '')).includes('=>')) packages.push(PROGRAMS.busybox);
  if (packages.length > 0) throw new Missing(`packages are missing: apt-get install ${packages.join(' ')}`);
}

/** Where a program is; undefined when it is not there. */
export async function pathOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('sh', ['-c', 'command -v "$0"', program], { env: ENVIRONMENT });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Runs a program to its end and returns what it wrote on its output; rejects when it fails. */
export async function run(program: Program, args: readonly string[], cwd?: string): Promise<string> {
  const [first, ...rest] = [...WITH_US, program, ...args];
  const options = { env: ENVIRONMENT, maxBuffer: OUTPUT_BYTES_MAX, ...(cwd === undefined ? {} : { cwd }) };
  return (await promisify(execFile)(first, rest, options)).stdout;
}
