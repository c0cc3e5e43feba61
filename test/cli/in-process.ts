import { fileURLToPath } from 'node:url';
import type { Io } from '../../cli/io.ts';
import { runProgram } from '../../cli/program.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Wide enough that no line is broken: a test may ask for a sentence as a whole. */
const COLUMNS = 1_000;

/** Runs a command line in this process, for what ends by itself. */
export async function barri(args: readonly string[], env: Io['env'] = {}, columns = COLUMNS): Promise<Ended> {
  let code = 0;
  let out = '';
  let err = '';
  await runProgram(['node', 'barri', ...args], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env,
    isTerminal: false,
    columns,
    rows: 40,
    packageRoot: ROOT,
    fatal: (error) => {
      throw error;
    },
    setExitCode: (next) => {
      code = Math.max(code, next);
    },
  });
  return { code, out, err };
}
