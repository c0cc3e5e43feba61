import { existsSync, promises as fs, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Disk, DiskError, type DiskFile } from './host.ts';

const { O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
/** Without O_NONBLOCK the opening of a pipe waits until somebody writes to it. A file does not know the difference. */
const OPEN_FLAGS = {
  read: O_RDONLY | O_NONBLOCK,
  write: O_RDWR | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_NONBLOCK,
} as const;

/** The disks of this machine. */
export const realDisk: Disk = {
  readDir: async (path) => (await diskCall('list', path, fs.readdir(path))).sort(),
  mkdir: async (path) => {
    const missing: string[] = [];
    for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
    for (const folder of missing) {
      await diskCall('create', folder, fs.mkdir(folder, { mode: 0o700 }));
      await realDisk.fsyncDir(dirname(folder));
    }
  },
  open: async (path, mode) => {
    const what = mode === 'create' ? 'create' : 'open';
    let handle: fs.FileHandle;
    try {
      handle = await diskCall(what, path, fs.open(path, OPEN_FLAGS[mode], 0o600));
    } catch (error) {
      // A folder cannot be opened for writing, nor a socket at all.
      mustBeFile(path, await fs.stat(path).catch(() => undefined));
      throw error;
    }
    try {
      mustBeFile(path, await diskCall('look at', path, handle.stat()));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return realFile(path, handle);
  },
  size: async (path) => {
    try {
      // The journal asks with every commit, for a file that it has open: the kernel then has the name in memory and reads no
      // disk for it. A turn of the thread pool takes ten times as long and is in the way of the commit's own.
      return statSync(path).size;
    } catch (cause) {
      const error = diskError('look at', path, cause);
      // Not by `throwIfNoEntry`: from Node 24 on that is silent about a path that leads through a file as well.
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  },
  freeBytes: async (path) => {
    let folder = path;
    while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
    const { bavail, bsize } = await diskCall('look at', folder, fs.statfs(folder));
    return bavail * bsize;
  },
  rename: (from, to) => diskCall('rename', from, fs.rename(from, to)),
  unlink: (path) => diskCall('delete', path, fs.unlink(path)),
  fsyncDir: async (path) => {
    const folder = await diskCall('open', path, fs.open(path, 'r'));
    try {
      await diskCall('sync', path, folder.sync());
    } finally {
      await folder.close();
    }
  },
};

/** @throws DiskError that says what it is instead */
function mustBeFile(path: string, stats: Stats | undefined): void {
  if (stats === undefined || stats.isFile()) return;
  if (stats.isDirectory()) throw new DiskError('IS_FOLDER', `${path} is a folder and not a file`);
  if (stats.isFIFO()) throw new DiskError('IS_PIPE', `${path} is a pipe and not a file`);
  if (stats.isSocket()) throw new DiskError('IS_SOCKET', `${path} is a socket and not a file`);
  throw new DiskError('IS_DEVICE', `${path} is a device and not a file`);
}

function realFile(path: string, handle: fs.FileHandle): DiskFile {
  return {
    pread: async (position, length) => {
      const { bytesRead, buffer } = await diskCall('read', path, handle.read(Buffer.alloc(length), 0, length, position));
      return buffer.subarray(0, bytesRead);
    },
    pwrite: async (bytes, position) =>
      (await diskCall('write', path, handle.write(bytes, 0, bytes.length, position))).bytesWritten,
    fdatasync: () => diskCall('sync', path, handle.datasync()),
    truncate: (sizeBytes) => diskCall('cut', path, handle.truncate(sizeBytes)),
    size: async () => (await diskCall('look at', path, handle.stat())).size,
    close: () => diskCall('close', path, handle.close()),
  };
}

/** What a call of the operating system gives; a failure as a DiskError that names what was to be done. */
export async function diskCall<T>(what: string, path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw diskError(what, path, cause);
  }
}

function diskError(what: string, path: string, cause: unknown): DiskError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  return new DiskError(code, `cannot ${what} ${path}: ${code}`, { cause });
}
