import { fatalHandler } from './life.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

/** Runs the process's command line. A broken invariant anywhere ends in one line and exit code 70. */
export async function main(): Promise<void> {
  const io = processIo();
  const fatal = fatalHandler(io, () => undefined);
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  await runProgram(process.argv, io).catch(fatal);
}
