import { crash, endInTime } from './life.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

/** Runs the process's command line, and lets the process end when it has, or when what a bug of ours has stopped has. */
export async function main(): Promise<void> {
  let crashed = (_ending: Promise<void>) => {};
  const crashing = new Promise<void>((resolve) => {
    crashed = resolve;
  });
  const io = processIo((error) => crashed(crash(error, io)));
  process.on('uncaughtException', io.fatal);
  process.on('unhandledRejection', io.fatal);
  const ended = runProgram(process.argv, io).catch(async (error) => {
    io.fatal(error);
    await crashing;
  });
  await Promise.race([ended, crashing]);
  endInTime();
}
