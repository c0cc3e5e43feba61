import type { ChildProcess } from 'node:child_process';
import { EXIT } from './exit-codes.ts';

/** A gateway that is well says so this often. */
export const BEAT_MS = 2_000;
/** Without a beat for so many of these times it hangs: what is only busy, with a slow card or a large answer, gets a beat through. */
const MISSED_MAX = 5;
/** The same until the first one: a large journal is opened, after a power cut perhaps searched. */
const MISSED_AT_START_MAX = 60;
/** What `barri outputs safe` may take; each try at a board that does not answer costs its timeout. */
const SAFE_MS_MAX = 30_000;
/** From one start to the next; the last goes on for ever. */
const AGAIN_MS = [1_000, 2_000, 5_000, 15_000, 60_000, 300_000] as const;
/** What ran for so long begins at the first of them again. */
const WELL_MS = 600_000;
/** What another start would not change: somebody has to do something, or has ended it. */
const FINAL: ReadonlySet<number> = new Set([EXIT.ok, EXIT.usage, EXIT.forbidden, EXIT.config]);

/** What a supervisor needs of the process around it. */
export interface SuperviseParts {
  /** Starts the gateway, with a channel over which it sends its beats. */
  readonly startGateway: () => ChildProcess;
  /** Starts what makes all outputs safe without a gateway. */
  readonly startSafe: () => ChildProcess;
  /** Calls `callback` every `everyMs` until the returned function is called. */
  readonly repeat: (everyMs: number, callback: () => void) => () => void;
  /** Resolves after so long, or as soon as `signal` is aborted. */
  readonly wait: (forMs: number, signal: AbortSignal) => Promise<void>;
  readonly nowMs: () => number;
  /** Says what happened. */
  readonly say: (what: SupervisorNews) => void;
}

export type SupervisorNews =
  | { readonly what: 'hangs' }
  | { readonly what: 'ended'; readonly code: number | null; readonly signal: string | null; readonly againMs: number };

/**
 * Runs a gateway as a child and starts it again when it ends. One that hangs is killed: it sends a beat only while its loop turns and
 * native calls come back. Whenever it has ended, however it did, the outputs are made safe before anything else.
 * Ends with the gateway's exit code when `stop` is aborted (whose reason is the signal that the gateway is sent), or when another
 * start would change nothing.
 */
export async function supervise(parts: SuperviseParts, stop: AbortSignal): Promise<number> {
  for (let failedCount = 0; ; failedCount += 1) {
    const startedMs = parts.nowMs();
    const { code, signal } = await runOnce(parts, stop);
    await makeSafe(parts);
    if (stop.aborted) return code ?? EXIT.interrupted;
    if (code !== null && FINAL.has(code)) return code;
    if (parts.nowMs() - startedMs >= WELL_MS) failedCount = 0;
    const againMs = AGAIN_MS[Math.min(failedCount, AGAIN_MS.length - 1)] as number;
    parts.say({ what: 'ended', code, signal, againMs });
    await parts.wait(againMs, stop);
    if (stop.aborted) return EXIT.ok;
  }
}

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One life of the gateway. */
async function runOnce({ startGateway, repeat, say }: SuperviseParts, stop: AbortSignal): Promise<Ending> {
  const gateway = startGateway();
  let leftCount = MISSED_AT_START_MAX;
  gateway.on('message', (word) => {
    leftCount = word === 'opening' ? MISSED_AT_START_MAX : MISSED_MAX;
  });
  // Times are counted, not measured: a machine that was asleep, or a process that was held, has missed none.
  const stopCounting = repeat(BEAT_MS, () => {
    leftCount -= 1;
    if (leftCount > 0 || gateway.exitCode !== null) return;
    stopCounting();
    say({ what: 'hangs' });
    gateway.kill('SIGKILL');
  });
  const pass = () => gateway.kill(stop.reason as NodeJS.Signals);
  if (stop.aborted) pass();
  else stop.addEventListener('abort', pass, { once: true });
  const ending = await endOf(gateway);
  stopCounting();
  stop.removeEventListener('abort', pass);
  return ending;
}

async function makeSafe({ startSafe, wait }: SuperviseParts): Promise<void> {
  const making = startSafe();
  const over = new AbortController();
  const late = wait(SAFE_MS_MAX, over.signal).then(() => making.kill('SIGKILL'));
  await endOf(making);
  over.abort();
  await late;
}

function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    // It could not even be started, which the next try may.
    child.on('error', () => resolve({ code: EXIT.tryAgain, signal: null }));
  });
}
