import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';

/** From the first signal to the end, whatever hangs. */
const STOP_MS_MAX = 5_000;

/** Something that runs until it is told to stop. */
export interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Lets `started` run until SIGINT, SIGTERM or SIGHUP (a closed terminal), then stops it. A second signal, or five seconds
 * of stopping, ends the process at once: by then the outputs are safe, and process.exit() would wait for a hung call.
 */
export async function runUntilSignal(started: Stoppable, ended: Promise<unknown> = new Promise(() => {})): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let wake = () => {};
  const signalled = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let count = 0;
  const onSignal = () => {
    count += 1;
    if (count > 1) process.kill(process.pid, 'SIGKILL');
    wake();
  };
  for (const signal of signals) process.on(signal, onSignal);
  await Promise.race([signalled, ended]);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), STOP_MS_MAX).unref();
  await started.stop();
  for (const signal of signals) process.off(signal, onSignal);
}

/** What a broken invariant does: said in one line, outputs to safe, exit code 70. */
export function fatalHandler(io: Io, current: () => Stoppable | undefined): (error: unknown) => void {
  let isEnding = false;
  return (error) => {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    io.err(`barri: this is a bug: ${message}\nbarri: please report it with the lines of the log before it\n`);
    if (io.env['BARRI_LOG_LEVEL'] === 'debug' && error instanceof Error) io.err(`${error.stack}\n`);
    if (isEnding) return;
    isEnding = true;
    io.setExitCode(EXIT.bug);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), STOP_MS_MAX).unref();
    // The stop itself reports what it meets; the timer above ends what it cannot.
    current()
      ?.stop()
      .catch(() => {});
  };
}
