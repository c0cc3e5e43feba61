import { execFile } from 'node:child_process';
import { type Ended, ROOT } from './in-process.ts';

/** A user who owns nothing. */
const NOBODY = 65_534;

/**
 * Runs a command line, in a process of its own, as a user to whom nothing belongs where this process may choose; elsewhere as
 * its own user, whom the modes of the files must keep out. Lines of the error output that were broken to fit are whole again.
 */
export function barriAsStranger(args: readonly string[]): Promise<Ended> {
  const user = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const command = ['--import', 'tsx', 'cli/main.ts', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: ROOT, ...user, env: { ...process.env, HOME: '/nowhere' } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err: err.replaceAll(/\n +(?![ =])/g, ' ') });
    });
  });
}
