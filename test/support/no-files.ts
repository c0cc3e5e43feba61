import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { NoFile } from '../../gateway/host.ts';

/** Puts something under a name that is no file; what is returned ends it, but does not remove it. */
export const PUT_NO_FILE: Readonly<Record<NoFile, (path: string) => Promise<() => void>>> = {
  folder: async (path) => {
    mkdirSync(path);
    return () => {};
  },
  pipe: async (path) => {
    if (spawnSync('sh', ['-c', 'mkfifo "$0"', path]).status !== 0) throw new Error(`no pipe at ${path}`);
    return () => {};
  },
  device: async (path) => {
    symlinkSync('/dev/zero', path);
    return () => {};
  },
  socket: async (path) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return () => server.close();
  },
};
