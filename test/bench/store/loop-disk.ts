import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { endWorkers } from './workers.ts';

const MEBIBYTE = 1_048_576;

/** The bench needs something that is not here. The message says what. */
export class CannotMeasure extends Error {
  override readonly name = 'CannotMeasure';
}

/** A private ext4 file system on a loop device: what its statistics count was written by nobody else. */
export interface LoopDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /** Name under /sys/block, such as `loop0`. */
  readonly device: string;
}

export interface LoopDiskOptions {
  readonly sizeMiB: number;
  /**
   * Writes the image before it is used. A hole that is written for the first time makes the file system below commit as
   * well, which costs those most that grow their files most.
   */
  readonly isFilled: boolean;
}

/**
 * Makes the file system, lends it to `use` and removes it. Whatever ends this process, `kill -9` included, closes the
 * pipe of a shell that then does so in its place; the image has no name while it is in use, and the device detaches itself
 * with its last user.
 * @throws CannotMeasure when one of the tools refuses
 */
export async function withLoopDisk<T>(options: LoopDiskOptions, use: (disk: LoopDisk) => Promise<T>): Promise<T> {
  const work = mkdtempSync(join(tmpdir(), 'barri-bench-store-'));
  const folder = join(work, 'disk');
  const sweep = 'read -r _; umount --lazy "$1"; rm -rf --one-file-system "$2"';
  const sweeper = spawn('sh', ['-c', sweep, 'sh', folder, work], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const swept = once(sweeper, 'exit');
  try {
    return await use({ folder, device: make(work, folder, options) });
  } finally {
    endWorkers();
    sweeper.stdin?.end();
    await swept;
  }
}

function make(work: string, folder: string, { sizeMiB, isFilled }: LoopDiskOptions): string {
  const image = join(work, 'image');
  const file = openSync(image, 'w');
  try {
    const zeros = new Uint8Array(MEBIBYTE);
    if (isFilled) for (let mebibyte = 0; mebibyte < sizeMiB; mebibyte++) writeSync(file, zeros);
  } finally {
    closeSync(file);
  }
  truncateSync(image, sizeMiB * MEBIBYTE);
  // Everything is initialised now: what the kernel would otherwise initialise later would be counted as the journal's.
  need('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard', '-i', '1048576', image]);
  const device = need('losetup', ['--find', '--show', image]).trim();
  try {
    mkdirSync(folder);
    need('mount', ['-t', 'ext4', device, folder]);
  } finally {
    // Mounted, it goes when it is unmounted; otherwise at once.
    run('losetup', ['--detach', device]);
    rmSync(image);
  }
  return basename(device);
}

/** @throws CannotMeasure with a sentence that says what is needed */
export function checkNeeds(): void {
  const because = 'the store bench counts what reaches a disk of its own (an ext4 on a loop device), and for that it needs';
  if (process.getuid?.() !== 0) throw new CannotMeasure(`${because} root: sudo npm run bench -- store`);
  if (!existsSync('/dev/loop-control')) throw new CannotMeasure(`${because} loop devices: modprobe loop`);
  for (const [tool, ...args] of [
    ['mkfs.ext4', '-V'],
    ['losetup', '--version'],
    ['findmnt', '--version'],
  ] as const) {
    if (run(tool, args) === undefined) throw new CannotMeasure(`${because} ${tool}: apt-get install e2fsprogs mount`);
  }
}

function need(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (cause) {
    const said = String((cause as { stderr?: string }).stderr ?? cause).trim();
    throw new CannotMeasure(`the store bench could not make its disk: ${command} ${args.join(' ')}: ${said}`, { cause });
  }
}

/** What it printed; undefined when it failed. */
function run(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}
