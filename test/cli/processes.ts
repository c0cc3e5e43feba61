import { spawn } from 'node:child_process';
import { ROOT } from './in-process.ts';

const children: (() => void)[] = [];

/** Kills what `start` has started. */
export function killAll(): void {
  for (const kill of children.splice(0)) kill();
}

/** A command line in a process of its own, and its first lines until one of them matches. */
export function start(args: readonly string[], nodeOptions: readonly string[] = []) {
  const child = spawn(process.execPath, ['--import', 'tsx', ...nodeOptions, 'cli/main.ts', ...args], { cwd: ROOT });
  children.push(() => child.kill('SIGKILL'));
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
