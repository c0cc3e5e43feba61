import { spawn } from 'node:child_process';
import { ROOT } from './in-process.ts';

const groups: number[] = [];

/** Kills what `start` has started, and what that has: a gateway that hangs outlives its supervisor. */
export function killAll(): void {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

/** A command line in a process of its own, and its first lines until one of them matches. */
export function start(args: readonly string[], nodeOptions: readonly string[] = []) {
  const child = spawn(process.execPath, ['--import', 'tsx', ...nodeOptions, 'cli/main.ts', ...args], {
    cwd: ROOT,
    detached: true,
  });
  if (child.pid !== undefined) groups.push(child.pid);
  let out = '';
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  child.stderr.on('data', (bytes) => {
    out += bytes;
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const until = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => pattern.test(out) && resolve(out);
      look();
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      void exit.then((code) => reject(new Error(`ended with ${code}: ${out}`)));
    });
  return { child, exit, until, out: () => out };
}
