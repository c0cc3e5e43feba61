import type { Clock } from '../drivers/clock.ts';
import { type Disk, DiskError, type DiskFile } from '../gateway/host.ts';
import { DiskContent } from './disk-content.ts';
import { DiskNames, folderOf } from './disk-names.ts';
import { activeFault, type DiskFaultCode, type DiskOperation, type Fault } from './faults.ts';
import { createRandom, type Random } from './random.ts';

export interface SimulatedDiskOptions {
  /** Needed for faults and syncs that take time. */
  readonly clock?: Clock;
  /** Decides what is left to chance. */
  readonly random?: Random;
  readonly faults?: readonly Fault[];
  /** Bytes that all files together may have; no limit without it. */
  readonly capacityBytes?: number;
  /** The part of the writes, 0 to 1, that write only a beginning of what they were given. */
  readonly shortWriteRate?: number;
  /** The part of the sectors, 0 to 1, that are half new and half old when the power fails while they are replaced. */
  readonly tornSectorRate?: number;
  /** How long an fdatasync or fsyncDir takes. With 0 nothing waits for the clock. */
  readonly syncMs?: number;
}

/**
 * Decides about one operation, counted from 1, right before it takes effect: undefined for nothing, or what becomes of it, as
 * a DiskFaultCode or any other error of the operating system. A promise holds it up until then. `hang` never ends, as when the
 * power goes during the operation.
 */
export type DiskHook = (
  operation: DiskOperation,
  count: number,
  path: string,
) => string | undefined | Promise<string | undefined>;

/**
 * A disk in memory that keeps apart what is durable and what is not, and in a crash loses the latter as harshly as a real
 * one may.
 *
 * What may be lost, and so what a store must be ready for:
 * - names that were created, renamed or deleted since the last fsyncDir of their folder: in each folder any number of the last
 *   ones, or those of some names only. A rename may be durable although the bytes of the file are not;
 * - bytes written since the last fdatasync of their file: each sector of 512 bytes on its own, in any order;
 * - a file's size since then: old or new, and zeros where no sector of it became durable;
 * - all that a failed fdatasync should have made durable: the kernel has forgotten it, and the next one that succeeds
 *   does not bring it back.
 * What is durable stays, unless `damage` changes it, and nothing is written to a wrong place. A write that fails with EIO may
 * have written a beginning. A sync that lies makes nothing durable.
 */
export class SimulatedDisk implements Disk {
  /** Decides about every operation of the running process, before the faults of the options do. The next crash ends it. */
  fault: DiskHook | undefined;
  /** Operations so far. */
  operationCount = 0;
  /** Bytes that all files together may have; no limit without it. Others on the disk may leave less of it at any time. */
  capacityBytes: number | undefined;
  readonly #options: SimulatedDiskOptions;
  readonly #random: Random;
  #folders = new Set(['/']);
  #names = new DiskNames();
  /** How often the power has failed; a file that was opened before is of no use afterwards. */
  #crashCount = 0;

  constructor(options: SimulatedDiskOptions = {}) {
    this.#options = options;
    this.capacityBytes = options.capacityBytes;
    this.#random = (options.random ?? createRandom(1)).fork('disk');
  }

  /** The power fails: what was not durable is gone or half there, and open files are closed. `random` gives numbers in [0, 1). */
  crash(random: () => number = this.#random): void {
    this.#crashCount += 1;
    this.fault = undefined;
    this.#names.crash(random);
    for (const content of new Set(this.#names.contents)) content.crash(random, this.#options.tornSectorRate ?? 0);
  }

  async readDir(path: string): Promise<string[]> {
    await this.#step('readDir', path);
    if (!this.#folders.has(path)) throw new DiskError('ENOENT', `no folder ${path}`);
    const names = [...this.#folders, ...this.#names.paths].filter((each) => each !== '/' && folderOf(each) === path);
    return names.map((name) => name.slice(name.lastIndexOf('/') + 1)).sort();
  }

  async mkdir(path: string): Promise<void> {
    await this.#step('mkdir', path);
    this.#addFolder(path);
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    await this.#step('open', path);
    if (this.#folders.has(path)) throw new DiskError('EISDIR', `${path} is a folder`);
    let content = this.#names.get(path);
    if (content === undefined && mode === 'create') {
      if (!this.#folders.has(folderOf(path))) throw new DiskError('ENOENT', `no folder ${folderOf(path)}`);
      content = new DiskContent();
      this.#names.create(path, content);
    }
    if (content === undefined) throw new DiskError('ENOENT', `no file ${path}`);
    return this.#opened(path, content, mode !== 'read');
  }

  async size(path: string): Promise<number | undefined> {
    await this.#step('size', path);
    return this.#names.get(path)?.sizeBytes;
  }

  async freeBytes(): Promise<number> {
    return this.#freeBytes();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step('rename', from);
    const content = this.#names.get(from);
    if (content === undefined) throw new DiskError('ENOENT', `no file ${from}`);
    if (!this.#folders.has(folderOf(to))) throw new DiskError('ENOENT', `no folder ${folderOf(to)}`);
    this.#names.rename(from, to, content);
  }

  async unlink(path: string): Promise<void> {
    await this.#step('unlink', path);
    if (this.#names.get(path) === undefined) throw new DiskError('ENOENT', `no file ${path}`);
    this.#names.unlink(path);
  }

  async fsyncDir(path: string): Promise<void> {
    await this.#sync();
    const code = await this.#step('fsyncDir', path);
    if (!this.#folders.has(path)) throw new DiskError('ENOENT', `no folder ${path}`);
    if (code !== 'lie') this.#names.sync(path);
  }

  /** The paths of all files, sorted. */
  get paths(): string[] {
    return [...this.#names.paths].sort();
  }

  /** The bytes of a file as a program sees them. */
  bytes(path: string): Uint8Array<ArrayBuffer> {
    const content = this.#content(path);
    return content.read(0, content.sizeBytes);
  }

  /** A person puts a file there, with its folders, durably. Programs that had one of this name open see the new bytes. */
  put(path: string, bytes: Uint8Array): void {
    this.#addFolder(folderOf(path));
    const content = this.#names.get(path) ?? new DiskContent();
    content.truncate(0);
    content.write(bytes, 0);
    content.makeDurable();
    this.#names.put(path, content);
  }

  /** The card changes bytes of a file by itself. */
  damage(path: string, position: number, bytes: Uint8Array): void {
    this.#content(path).damage(bytes, position);
  }

  /** The card gives an error for a page of 4096 bytes of a file, or gives it again. */
  setUnreadable(path: string, page: number, isUnreadable = true): void {
    this.#content(path).setUnreadable(page, isUnreadable);
  }

  /** A person deletes a folder and what is in it. */
  removeFolder(path: string): void {
    this.#folders.delete(path);
    this.#names.remove(path);
  }

  /** Another disk with the same content, everything durable. Costs little until one of the two changes. */
  copy(): SimulatedDisk {
    return this.#copy(true);
  }

  /** Another disk in exactly this state, with what is durable and what is not: the one to crash, while this one goes on. */
  fork(): SimulatedDisk {
    return this.#copy(false);
  }

  #copy(isDurable: boolean): SimulatedDisk {
    const copy = new SimulatedDisk(this.#options);
    copy.capacityBytes = this.capacityBytes;
    copy.#folders = new Set(this.#folders);
    copy.#names = this.#names.copy(isDurable);
    return copy;
  }

  #addFolder(path: string): void {
    for (let folder = path; folder !== '/'; folder = folderOf(folder)) this.#folders.add(folder);
  }

  #content(path: string): DiskContent {
    const content = this.#names.get(path);
    if (content === undefined) throw new Error(`no file ${path}`);
    return content;
  }

  #freeBytes(): number {
    return Math.max(0, (this.capacityBytes ?? Number.MAX_SAFE_INTEGER) - this.usedBytes);
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    let used = 0;
    for (const content of this.#names.contents) used += content.sizeBytes;
    return used;
  }

  #opened(path: string, content: DiskContent, isWritable: boolean): DiskFile {
    let isOpen = true;
    const crashCount = this.#crashCount;
    const check = (writes: boolean) => {
      if (!isOpen || crashCount !== this.#crashCount) throw new DiskError('EBADF', `${path} is not open any more`);
      if (writes && !isWritable) throw new DiskError('EBADF', `${path} was opened for reading only`);
    };
    return {
      pread: async (position, length) => {
        check(false);
        await this.#step('pread', path);
        if (!content.isReadable(position, length)) throw new DiskError('EIO', `pread of ${path} failed: EIO`);
        return content.read(position, length);
      },
      pwrite: async (bytes, position) => {
        check(true);
        return await this.#write(path, content, bytes, position);
      },
      fdatasync: async () => {
        check(true);
        await this.#sync();
        check(true);
        try {
          if ((await this.#step('fdatasync', path)) !== 'lie') content.makeDurable();
        } catch (error) {
          content.forgetUnsynced();
          throw error;
        }
      },
      truncate: async (sizeBytes) => {
        check(true);
        await this.#step('truncate', path);
        content.truncate(sizeBytes);
      },
      size: async () => {
        check(false);
        return content.sizeBytes;
      },
      close: async () => {
        isOpen = false;
      },
    };
  }

  async #write(path: string, content: DiskContent, bytes: Uint8Array, position: number): Promise<number> {
    let isShort = false;
    try {
      isShort = (await this.#step('pwrite', path)) === 'short';
    } catch (error) {
      const isPart = error instanceof DiskError && error.code === 'EIO';
      if (isPart) content.write(bytes.subarray(0, Math.floor(this.#random() * bytes.length)), position);
      throw error;
    }
    const length = this.#writableLength(path, content, position, bytes.length, isShort);
    content.write(bytes.subarray(0, length), position);
    return length;
  }

  /** How many of `length` bytes a write at `position` takes: as many as fit, and now and then fewer. */
  #writableLength(path: string, content: DiskContent, position: number, length: number, isShort: boolean): number {
    const growth = Math.max(0, position + length - content.sizeBytes);
    const fits = growth === 0 ? length : length - Math.max(0, growth - this.#freeBytes());
    if (fits <= 0 && length > 0) throw new DiskError('ENOSPC', `no space left for ${path}`);
    const { shortWriteRate = 0 } = this.#options;
    if (isShort) return Math.ceil(fits / 2);
    return fits > 1 && shortWriteRate > 0 && this.#random() < shortWriteRate ? 1 + Math.floor(this.#random() * (fits - 1)) : fits;
  }

  /**
   * Comes before every effect. It takes long enough for what the program does without waiting for the operation to happen
   * first: a store that acknowledges before its sync has ended is seen to.
   */
  async #step(operation: DiskOperation, path: string): Promise<'short' | 'lie' | undefined> {
    const crashCount = this.#crashCount;
    await undefined;
    await undefined;
    this.operationCount += 1;
    const decided = this.fault?.(operation, this.operationCount, path);
    const code = (decided instanceof Promise ? await decided : decided) ?? (await this.#scheduled(operation));
    // What ran when the power failed never goes on.
    if (code === 'hang' || crashCount !== this.#crashCount) await new Promise(() => {});
    if (code === undefined || code === 'short' || code === 'lie') return code;
    throw new DiskError(code, `${operation} of ${path} failed: ${code}`);
  }

  /** What the faults of the options do to an operation. One that hangs does so until the fault ends, and is well then. */
  async #scheduled(operation: DiskOperation): Promise<DiskFaultCode | undefined> {
    const { faults = [], clock } = this.#options;
    if (clock === undefined || faults.length === 0) return undefined;
    const nowMs = clock.monotonicMs();
    const fault = activeFault(faults, 'disk', nowMs, ({ operations }) => operations.includes(operation));
    if (fault?.code !== 'hang') return fault?.code;
    await new Promise<void>((resolve) => clock.timer(fault.toMs - nowMs, resolve));
    return undefined;
  }

  async #sync(): Promise<void> {
    const { syncMs = 0, clock } = this.#options;
    if (syncMs > 0 && clock !== undefined) await new Promise<void>((resolve) => clock.timer(syncMs, resolve));
  }
}
