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
  const running = runProgram(process.argv, io).catch(io.fatal);
  return await Promise.race([running.then(() => false), crashing.then(() => true)]);
}
