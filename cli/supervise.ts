import type { ChildProcess } from 'node:child_process';
import { EXIT } from './exit-codes.ts';

/** A gateway that is well says so this often. */
export const BEAT_MS = 2_000;
/** Without a beat for so many of these times it hangs: what is only busy, with a slow card or a large answer, gets a beat through. */
export const MISSED_MAX = 5;
/** The same while it starts: the program is loaded from a slow card, and a large journal may keep the loop busy while it is searched. */
export const MISSED_AT_START_MAX = 60;
/** What is killed ends within this, but for one in a call that the kernel does not let go: a disk or an adapter that does not answer. */
export const KILLED_MS_MAX = 3_000;
/** What `barri outputs safe` may take; each try at a board that does not answer costs its timeout. */
const SAFE_MS_MAX = 30_000;
/** The same where it has to find out first whether another gateway hangs that has the outputs, which may still start. */
const END_HUNG_MS_MAX = BEAT_MS * MISSED_AT_START_MAX + SAFE_MS_MAX;
/** From one of these tries to the next while the outputs are not known to be safe: a board that starts, a bus that comes back. */
const SAFE_AGAIN_MS = [1_000, 5_000, 15_000] as const;
/** From one start to the next; the last goes on for ever. */
const AGAIN_MS = [1_000, 2_000, 5_000, 15_000, 60_000, 300_000] as const;
/** What ran for so long begins at the first of them again. */
const WELL_MS = 600_000;
/** What another start would not change: somebody has to do something. Only a signal ends a gateway with 0, and this one was not ours. */
const FINAL: ReadonlySet<number> = new Set([EXIT.usage, EXIT.forbidden, EXIT.config]);

/** What a supervisor needs of the process around it. */
export interface SuperviseParts {
  /** Starts the gateway, with a channel over which it sends its beats. */
  readonly startGateway: () => ChildProcess;
  /** Starts what makes all outputs safe without a gateway; `endsHung`: and that kills the gateway that has them, if that hangs. */
  readonly startSafe: (endsHung: boolean) => ChildProcess;
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
  /** It hangs, was killed, and is still there. */
  | { readonly what: 'stays' }
  | ({ readonly what: 'ended' } & Ended)
  /** The gateway has said at its stop that outputs are not known to be safe, and they are now. */
  | { readonly what: 'safe-since' }
  | ({ readonly what: 'not-safe' } & NotSafe);

/** How a gateway ended, which is started again. `code` and `signal` are null when it could not be started. */
export interface Ended extends Ending {
  readonly isSafe: boolean;
  readonly againMs: number;
}

/** How the command ended that makes the outputs safe; null: not in its time, or it could not be started. */
export interface NotSafe {
  readonly code: number | null;
  /** Undefined after the last try. */
  readonly againMs: number | undefined;
  /** The gateway that was killed has not ended. */
  readonly isKilledThere: boolean;
}

/**
 * Runs a gateway as a child and starts it again when it ends. One that hangs is killed: it sends a beat only while its loop turns and
 * native calls come back. Whenever it has ended, however it did, the outputs are made safe before anything else, in some tries; also
 * when it does not end although it is killed.
 * Ends when `stop` is aborted (whose reason is the signal that the gateway is sent), with its exit code and what became of the outputs
 * since; or with the gateway's exit code when another start would change nothing.
 */
export async function supervise(parts: SuperviseParts, stop: AbortSignal): Promise<number> {
  for (let failedCount = 0; ; failedCount += 1) {
    const startedMs = parts.nowMs();
    const { code, signal } = await runOnce(parts, stop);
    const outputs = await makeSafe(parts, stop, { code });
    if (stop.aborted) return codeAtStop(parts, code, outputs);
    if (code !== null && FINAL.has(code)) return code;
    if (parts.nowMs() - startedMs >= WELL_MS) failedCount = 0;
    const againMs = AGAIN_MS[Math.min(failedCount, AGAIN_MS.length - 1)] as number;
    parts.say({ what: 'ended', code, signal, isSafe: outputs === 'safe', againMs });
    await parts.wait(againMs, stop);
    if (stop.aborted) return outputs === 'not-safe' ? EXIT.device : EXIT.ok;
  }
}

/** What a stop ends with: what the gateway said of its outputs counts no more when somebody has looked after it. */
function codeAtStop({ say }: SuperviseParts, code: number | null, outputs: Made): number {
  const isOfOutputs = code === EXIT.device;
  if (outputs === 'not-safe' && (isOfOutputs || code === null || code === EXIT.ok)) return EXIT.device;
  if (outputs !== 'safe' || !isOfOutputs) return code ?? EXIT.interrupted;
  say({ what: 'safe-since' });
  return EXIT.ok;
}

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One life of the gateway. */
async function runOnce(parts: SuperviseParts, stop: AbortSignal): Promise<Ending> {
  const gateway = parts.startGateway();
  const ended = endOf(gateway);
  let killed = Promise.resolve();
  let leftCount = MISSED_AT_START_MAX;
  gateway.on('message', (word) => {
    leftCount = word === 'opening' ? MISSED_AT_START_MAX : MISSED_MAX;
  });
  // Times are counted, not measured: a machine that was asleep, or a process that was held, has missed none.
  const stopCounting = parts.repeat(BEAT_MS, () => {
    leftCount -= 1;
    if (leftCount > 0 || gateway.exitCode !== null) return;
    stopCounting();
    parts.say({ what: 'hangs' });
    gateway.kill('SIGKILL');
    killed = makeSafeIfItStays(parts, stop, ended);
  });
  const pass = () => gateway.kill(stop.reason as NodeJS.Signals);
  if (stop.aborted) pass();
  else stop.addEventListener('abort', pass, { once: true });
  const ending = await ended;
  stopCounting();
  stop.removeEventListener('abort', pass);
  await killed;
  return ending;
}

/** The outputs do not wait for the end of a gateway that was killed, which may take as long as what holds it. */
async function makeSafeIfItStays(parts: SuperviseParts, stop: AbortSignal, ended: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  ended.then(end, end);
  await parts.wait(KILLED_MS_MAX, over.signal);
  if (over.signal.aborted) return;
  parts.say({ what: 'stays' });
  await makeSafe(parts, stop, { isKilledThere: true });
}

/** Of which gateway outputs are made safe. */
interface Left {
  readonly code?: number | null;
  readonly isKilledThere?: boolean;
}

/** What is known of the outputs: another gateway may have them (`taken`), or there may be none to speak of. */
type Made = 'safe' | 'not-safe' | 'taken' | 'none';

/**
 * Makes the outputs safe. What `stop` still takes is the waiting, not the last try. Where the gateway could not have
 * its folder, another one may hang that had a supervisor, too: nobody but us ends it.
 */
async function makeSafe(parts: SuperviseParts, stop: AbortSignal, { code: left, isKilledThere = false }: Left): Promise<Made> {
  for (let tries = 0; ; tries += 1) {
    const isStopping = stop.aborted;
    const code = await makeSafeOnce(parts, left === EXIT.tryAgain ? stop : undefined);
    if (code === EXIT.ok) return 'safe';
    // Neither has a site to go by, and nothing was kept of an earlier start: there are no outputs to speak of.
    if (code === EXIT.config && left === EXIT.config) return 'none';
    // Another gateway has the outputs, and does with them as it should.
    const isLast = isStopping || code === EXIT.tryAgain;
    // Who signals a stop to each process ends the try with it, so there is one more.
    const againMs = isLast ? undefined : stop.aborted ? 0 : SAFE_AGAIN_MS[tries];
    parts.say({ what: 'not-safe', code, againMs, isKilledThere });
    if (againMs === undefined) return code === EXIT.tryAgain ? 'taken' : 'not-safe';
    await parts.wait(againMs, stop);
  }
}

/** `stop`: where it is not aborted, a gateway that hangs is ended, too, until it is. */
async function makeSafeOnce({ startSafe, wait }: SuperviseParts, stop?: AbortSignal): Promise<number | null> {
  const endsHung = stop?.aborted === false;
  const making = startSafe(endsHung);
  const end = () => making.kill('SIGTERM');
  if (endsHung) stop.addEventListener('abort', end, { once: true });
  const over = new AbortController();
  const late = wait(endsHung ? END_HUNG_MS_MAX : SAFE_MS_MAX, over.signal).then(() => {
    making.kill('SIGKILL');
    // Its end is not waited for: what held the gateway may hold it as well.
    return { code: null };
  });
  const { code } = await Promise.race([endOf(making), late]);
  over.abort();
  stop?.removeEventListener('abort', end);
  await late;
  return code;
}

function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    // It could not even be started, which the next try may.
    child.on('error', () => resolve({ code: null, signal: null }));
  });
}
