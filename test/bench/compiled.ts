import { join } from 'node:path';
import { type Child, start } from '../interop/support/child.ts';

/**
 * Starts a script of this folder as test/bench/tsconfig.json compiles it, with what it imports. What tsx makes of a source
 * gives every function its name anew whenever it is made, which takes longer than many of them do, and its loader is a
 * thread that costs time too.
 */
export function startCompiled(script: string, ...args: readonly (string | number)[]): Child {
  const path = join(import.meta.dirname, 'dist/test/bench', script.replace(/\.ts$/, '.js'));
  return start(process.execPath, [path, ...args.map(String)]);
}
