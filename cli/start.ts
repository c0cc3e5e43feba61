import { crash } from './life.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

/** Runs the process's command line. Resolves with true when it ended in a bug of ours: then something may still hang. */
export async function main(): Promise<boolean> {
  let crashed = (_ending: Promise<void>) => {};
  const crashing = new Promise<void>((resolve) => {
    crashed = resolve;
  });
  const io = processIo((error) => crashed(crash(error, io)));
  process.on('uncaughtException', io.fatal);
  process.on('unhandledRejection', io.fatal);
  const ended = runProgram(process.argv, io).then(
    () => false,
    async (error) => {
      io.fatal(error);
      await crashing;
      return true;
    },
  );
  return await Promise.race([ended, crashing.then(() => true)]);
}
