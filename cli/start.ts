import { crash, endInTime } from './life.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

/**
 * Runs the process's command line, and lets the process end in time. Resolves with true when it ended in a bug of ours while
 * nothing ran that could be stopped.
 */
export async function main(): Promise<boolean> {
  let crashed = (_ending: Promise<boolean>) => {};
  const crashing = new Promise<boolean>((resolve) => {
    crashed = resolve;
  });
  const io = processIo((error) => crashed(crash(error, io)));
  process.on('uncaughtException', io.fatal);
  process.on('unhandledRejection', io.fatal);
  const ended = runProgram(process.argv, io).then(
    () => false,
    async (error) => {
      io.fatal(error);
      return await crashing;
    },
  );
  const mustExit = await Promise.race([ended, crashing]);
  endInTime();
  return mustExit;
}
