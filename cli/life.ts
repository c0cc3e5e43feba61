import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';

/** From the first signal to the end, whatever hangs. */
const STOP_MS_MAX = 5_000;

/** At least so much of it is left for ending by itself. */
const END_MS_MIN = 1_000;

/**
 * A signal that comes later than this after the first is somebody's who is in a hurry. What comes sooner is the same stop, told
 * twice: systemd signals every process of a service, and a supervisor or npm passes its own on as well.
 */
const HURRY_AFTER_MS = 1_000;

/** Something that runs until it is told to stop. */
export interface Stoppable {
  stop(): Promise<void>;
  /** Resolves during the stop, once the outputs are safe; without outputs there is nothing to wait for. */
  readonly outputsSafe?: Promise<unknown>;
}

/** What runs in this process now, and what ends its waiting. A process has one life. */
let running: Stoppable | undefined;
let wake = () => {};
/** When the first stop began, by performance.now(). */
let stoppingSinceMs: number | undefined;

/**
 * Lets `started` run until SIGINT, SIGTERM or SIGHUP (a closed terminal), or until `ended` settles; then stops it. A
 * signal a second or more after the first ends the process as soon as the outputs are safe, and five seconds of stopping end it
 * whatever hangs.
 */
export async function runUntilSignal(started: Stoppable, ended: Promise<unknown> = new Promise(() => {})): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const signalled = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let firstMs: number | undefined;
  let terminalIsGone = false;
  const onSignal = (signal: NodeJS.Signals) => {
    firstMs ??= performance.now();
    terminalIsGone ||= signal === 'SIGHUP' && process.stdout.isTTY === true;
    wake();
    if (performance.now() - firstMs >= HURRY_AFTER_MS) (started.outputsSafe ?? Promise.resolve()).then(killSelf, killSelf);
  };
  running = started;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    await Promise.race([signalled, ended]);
  } finally {
    await stopInTime(started);
    running = undefined;
    for (const signal of signals) process.off(signal, onSignal);
    // At its end Node sets the terminal back as it was, and aborts with a core dump when there is none any more.
    if (terminalIsGone) killSelf();
  }
}

/**
 * Takes what must never happen: a broken invariant, an exception that nobody caught. Says it in one line, stops what runs
 * (outputs to safe) and sets exit code 70. Resolves when that is done, with whether nothing ran.
 */
export async function crash(error: unknown, io: Io): Promise<boolean> {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  io.err(`barri: this is a bug: ${message}\nbarri: please report it with the lines of the log before it\n`);
  if (io.env['BARRI_LOG_LEVEL'] === 'debug' && error instanceof Error) io.err(`${error.stack}\n`);
  io.setExitCode(EXIT.bug);
  const stopping = running;
  wake();
  if (stopping !== undefined) await stopInTime(stopping);
  return stopping === undefined;
}

/**
 * For the very end: lets the process end by itself, so that output through a pipe arrives whole. What still runs when the five
 * seconds are over is a call into a driver that hangs, or left over by a bug. process.exit() would wait for it.
 */
export function endInTime(): void {
  const nowMs = performance.now();
  const leftMs = (stoppingSinceMs ?? nowMs) + STOP_MS_MAX - nowMs;
  setTimeout(killSelf, Math.max(END_MS_MIN, leftMs)).unref();
}

async function stopInTime(started: Stoppable): Promise<void> {
  stoppingSinceMs ??= performance.now();
  const timer = setTimeout(killSelf, STOP_MS_MAX);
  await started.stop();
  clearTimeout(timer);
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL');
}
