import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../../gateway/host.ts';
import { DiskError } from '../../gateway/host.ts';

const SECTOR_BYTES = 512;

/** One unsynced change of a file's bytes: what a power cut may keep, in part, or lose. */
type Change = { readonly position: number; readonly bytes: Uint8Array } | { readonly truncateTo: number };

/** What is on the platter, and what the operating system still holds back. */
class ModelFile {
  durable = new Uint8Array(0);
  /** What a reader sees: every write at once. */
  current = new Uint8Array(0);
  unsynced: Change[] = [];
}

/** Decides what happens to one operation, counted from 1: nothing, an error code, `short` (writes half of the bytes and says so), or `hang` (never ends). */
export type Fault = (operation: string, count: number, path: string) => string | undefined;

/**
 * A disk in memory that forgets what was not synced, as harshly as a real one may. Bytes are durable after fdatasync, names
 * after fsyncDir; a crash keeps any subset of the unsynced 512-byte sectors, in any order, lets a file grow without its bytes
 * (they read as zeros), and keeps any prefix of the unsynced changes of names. A failed fdatasync drops what it was asked to write.
 */
export class ModelDisk implements Disk {
  /** Decides about every operation of the running process. */
  fault: Fault | undefined;
  /** Operations so far. */
  operationCount = 0;
  #names = new Map<string, ModelFile>();
  #durableNames = new Map<string, ModelFile>();
  #pendingNames: { readonly folder: string; readonly apply: (names: Map<string, ModelFile>) => void }[] = [];
  #folders = new Set<string>(['/']);
  /** Increases with every crash: handles of the process before are dead. */
  #boot = 0;

  async readDir(path: string): Promise<string[]> {
    await this.#step('readDir', path);
    if (!this.#folders.has(path)) throw new DiskError('ENOENT', `no folder ${path}`);
    const inside = [...this.#names.keys(), ...this.#folders].filter((name) => name !== path && dirname(name) === path);
    return inside.map((name) => name.slice(path.length + 1)).sort();
  }

  async mkdir(path: string): Promise<void> {
    await this.#step('mkdir', path);
    for (let folder = path; folder !== '/'; folder = dirname(folder)) this.#folders.add(folder);
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    await this.#step('open', path);
    let file = this.#names.get(path);
    if (file === undefined) {
      if (mode !== 'create' || !this.#folders.has(dirname(path))) throw new DiskError('ENOENT', `no file ${path}`);
      const created = new ModelFile();
      file = created;
      this.#change(dirname(path), (names) => names.set(path, created));
    }
    return this.#handle(path, file);
  }

  async size(path: string): Promise<number | undefined> {
    await this.#step('size', path);
    return this.#names.get(path)?.current.length;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step('rename', from);
    const file = this.#names.get(from);
    if (file === undefined) throw new DiskError('ENOENT', `no file ${from}`);
    this.#change(dirname(to), (names) => {
      if (!names.has(from)) return;
      names.delete(from);
      names.set(to, file);
    });
  }

  async unlink(path: string): Promise<void> {
    await this.#step('unlink', path);
    if (!this.#names.has(path)) throw new DiskError('ENOENT', `no file ${path}`);
    this.#change(dirname(path), (names) => names.delete(path));
  }

  async fsyncDir(path: string): Promise<void> {
    await this.#step('fsyncDir', path);
    for (const pending of this.#pendingNames) if (pending.folder === path) pending.apply(this.#durableNames);
    this.#pendingNames = this.#pendingNames.filter((pending) => pending.folder !== path);
  }

  /** Cuts the power. `random` gives numbers in [0, 1) and decides what of the unsynced changes survives. */
  crash(random: () => number): void {
    this.#boot++;
    this.fault = undefined;
    const kept = Math.floor(random() * (this.#pendingNames.length + 1));
    for (const pending of this.#pendingNames.slice(0, kept)) pending.apply(this.#durableNames);
    this.#pendingNames = [];
    this.#names = new Map(this.#durableNames);
    for (const file of new Set(this.#names.values())) {
      for (const change of file.unsynced) file.durable = applyPart(file.durable, change, random);
      file.unsynced = [];
      file.current = file.durable;
    }
  }

  /** The bytes of a file as a reader sees them, for tests that damage them. */
  bytes(path: string): Uint8Array {
    const file = this.#names.get(path);
    if (file === undefined) throw new Error(`no file ${path}`);
    return file.current;
  }

  /** Replaces a file, durably. */
  put(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) this.#folders.add(folder);
    const file = this.#names.get(path) ?? new ModelFile();
    file.durable = bytes;
    file.current = bytes;
    file.unsynced = [];
    this.#names.set(path, file);
    this.#durableNames.set(path, file);
  }

  /** Deletes a folder and what is in it, as a person would. */
  removeFolder(path: string): void {
    this.#folders.delete(path);
    for (const names of [this.#names, this.#durableNames])
      for (const name of names.keys()) if (name.startsWith(`${path}/`)) names.delete(name);
  }

  get paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** A disk of its own with the same content, everything durable. */
  copy(): ModelDisk {
    const copy = new ModelDisk();
    copy.#folders = new Set(this.#folders);
    for (const [path, file] of this.#names) copy.put(path, file.current.slice());
    return copy;
  }

  #change(folder: string, apply: (names: Map<string, ModelFile>) => void): void {
    apply(this.#names);
    this.#pendingNames.push({ folder, apply });
  }

  /** Fails, hangs for ever (as when the power goes during the operation), or goes on; true when the write is to be short. */
  async #step(operation: string, path: string): Promise<boolean> {
    this.operationCount++;
    const code = this.fault?.(operation, this.operationCount, path);
    if (code === 'hang') await new Promise(() => {});
    if (code !== undefined && code !== 'short') throw new DiskError(code, `${operation} ${path}: ${code}`);
    return code === 'short';
  }

  #handle(path: string, file: ModelFile): DiskFile {
    const boot = this.#boot;
    let open = true;
    const step = async (operation: string) => {
      if (!open || boot !== this.#boot) throw new DiskError('EBADF', `${operation} ${path}: the file is closed`);
      return await this.#step(operation, path);
    };
    return {
      pread: async (position, length) => {
        await step('pread');
        return file.current.slice(position, position + length);
      },
      pwrite: async (bytes, position) => {
        const isShort = await step('pwrite');
        const written = bytes.slice(0, isShort ? Math.ceil(bytes.length / 2) : bytes.length);
        file.current = written.length === 0 ? file.current : overwrite(file.current, position, written);
        file.unsynced.push({ position, bytes: written });
        return written.length;
      },
      fdatasync: async () => {
        try {
          await step('fdatasync');
        } catch (error) {
          // The pages are marked clean although they never reached the platter, and no later sync brings them there.
          file.unsynced = [];
          throw error;
        }
        for (const change of file.unsynced) file.durable = apply(file.durable, change);
        file.unsynced = [];
      },
      truncate: async (sizeBytes) => {
        await step('truncate');
        file.current = file.current.slice(0, sizeBytes);
        file.unsynced.push({ truncateTo: sizeBytes });
      },
      size: async () => file.current.length,
      close: async () => {
        open = false;
      },
    };
  }
}

function apply(old: Uint8Array<ArrayBuffer>, change: Change): Uint8Array<ArrayBuffer> {
  return 'truncateTo' in change ? old.slice(0, change.truncateTo) : overwrite(old, change.position, change.bytes);
}

function overwrite(old: Uint8Array, position: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(Math.max(old.length, position + bytes.length));
  result.set(old);
  result.set(bytes, position);
  return result;
}

function applyPart(old: Uint8Array, change: Change, random: () => number): Uint8Array<ArrayBuffer> {
  if ('truncateTo' in change) return new Uint8Array(random() < 0.5 ? old.slice(0, change.truncateTo) : old);
  const fate = random();
  if (fate < 0.2) return new Uint8Array(old);
  const end = change.position + change.bytes.length;
  // The new length may be durable although the bytes are not.
  let result = new Uint8Array(fate < 0.4 ? Math.max(old.length, end) : old.length);
  result.set(old);
  if (fate < 0.4) return result;
  for (let at = change.position; at < end; ) {
    const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (fate > 0.7 || random() < 0.6)
      result = overwrite(result, at, change.bytes.subarray(at - change.position, next - change.position));
    at = next;
  }
  return result;
}
