import { join } from 'node:path';

const DIST = join(import.meta.dirname, '../../dist');

/**
 * A module as it is installed, for what measures speed. What tsx makes of the source gives every function its name anew
 * whenever it is made, which takes longer than many of them do. `path` is that of the source.
 */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(join(DIST, path.replace(/\.ts$/, '.js')))) as Module;
}
