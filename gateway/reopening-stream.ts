import type { ByteStream, OpenByteStream } from '../drivers/bus/byte-stream.ts';
import { Listeners } from '../drivers/bus/listeners.ts';
import { type Clock, sleep } from '../drivers/clock.ts';
import { BusError, type BusErrorKind } from '../drivers/errors.ts';
import { HUNG_MS, hungError } from './hung.ts';

/** First wait before a lost port is opened again, doubled up to what its failure deserves. */
const BACK_OFF_MS_FIRST = 250;
/** A port that is not there may be plugged in any moment; one that is held or forbidden needs a person. */
const BACK_OFF_MS_MAX: Readonly<Partial<Record<BusErrorKind, number>>> = {
  closed: 60_000,
  busy: 60_000,
  'no-permission': 60_000,
  unsupported: 3_600_000,
};
const BACK_OFF_MS_MAX_DEFAULT = 2_000;
/** A port that does not open within this time is given up, and tried again once its opening has come to an end. */
const OPEN_MS_MAX = 5_000;
/** A closing that takes longer hangs: the kernel waits for bytes that a stuck adapter does not take, or the driver for ever. */
const CLOSE_MS_MAX = 2_000;
/** A line that stays open so long, or gives a byte, really works; one that closes before would be opened and lost for ever. */
const PROVEN_MS = 10_000;
/** So many connections one after the other whose peer was not understood: something else answers there. */
const STRANGE_COUNT = 3;
/** Jitter so that several ports of one hub do not come back in the same instant: each wait is 75 to 100 % of its length. */
const JITTER = 0.25;

/** A line that is opened, and opened again whenever it is lost, for as long as `run` runs. Writes are refused in between. */
export interface ReopeningStream extends ByteStream {
  /** Keeps the line open until `signal` is aborted, then closes it; a driver that hangs is left behind. */
  run(signal: AbortSignal): Promise<void>;
  /** Closes the line at once; `run` opens it again. For a peer that lost its framing, or does not do anything any more. */
  drop(cause: BusError): void;
  /** Why it is not open, or undefined while it is or before the first try. */
  readonly failure: BusError | undefined;
  /** Resolves when the first opening has succeeded or failed. */
  readonly tried: Promise<void>;
}

export interface ReopeningStreamOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: (signal: AbortSignal) => Promise<OpenByteStream>;
  /** After an opening, before anything is sent. */
  readonly pauseMs?: number;
  /**
   * Called when the line works, and when it does not or for another reason than before. A peer that closes after each
   * answer and can be opened again at once makes no change.
   */
  readonly onChange: (failure: BusError | undefined) => void;
}

export function reopeningStream({ name, clock, random, open, pauseMs = 0, onChange }: ReopeningStreamOptions): ReopeningStream {
  const byteListeners = new Listeners<Uint8Array>();
  const closeListeners = new Listeners<Error | undefined>();
  let line: OpenByteStream | undefined;
  const drops = openDrops();
  let failure: BusError | undefined;

  let firstTried = () => {};
  const tried = new Promise<void>((resolve) => {
    firstTried = resolve;
  });

  const tell = changes(onChange);

  const fail = (error: BusError) => {
    failure = error;
    firstTried();
    tell.fails(error);
  };

  /** Opens the line once and resolves when it is lost again: with why it was of no use, or undefined when it has worked. */
  const session = async (signal: AbortSignal): Promise<BusError | undefined> => {
    const opened = await openInTime({ name, clock, open }, fail, signal);
    if (pauseMs > 0) await sleep(clock, pauseMs, signal).catch(() => {});
    line = opened;
    drops.begin();
    failure = undefined;
    firstTried();
    const trial = openTrial(clock, tell.works, !drops.isStranger);
    const stopBytes = opened.onBytes((bytes) => {
      trial.heard();
      byteListeners.call(() => bytes.slice());
    });
    const cause = await closedOrAborted(opened, signal);
    trial.end();
    stopBytes();
    line = undefined;
    const lost = cause instanceof BusError ? cause : new BusError('closed', `${name} was closed`, { cause });
    failure = lost;
    closeListeners.call(() => cause);
    const cancelHung = clock.timer(CLOSE_MS_MAX, () => fail(hungError(`${name}: closing it does not come back`)));
    await opened.close();
    cancelHung();
    const ours = drops.end(trial.isShort, trial.isProven);
    if (ours !== undefined) return ours;
    if (trial.isProven) return undefined;
    // A port that was unplugged is away and no more; a peer that hangs up on everybody is left alone for longer.
    if (lost.kind === 'absent') return lost;
    return new BusError('closed', `${name} is closed by the other side as soon as it is opened`, { cause });
  };

  return {
    get isOpen() {
      return line?.isOpen ?? false;
    },
    tried,
    get failure() {
      return failure;
    },
    write: async (bytes) => {
      // Whatever the reason is, the device behind it is not to blame.
      if (line === undefined) throw new BusError('closed', failure?.message ?? `${name} is not open yet`, { cause: failure });
      await line.write(bytes);
    },
    onBytes: (listener) => byteListeners.add(listener),
    onClose: (listener) => closeListeners.add(listener),
    drop: (cause) => {
      drops.because(cause);
      // Its onClose ends the session; what close() itself meets is the business of the session's own close.
      line?.close().catch(() => {});
    },
    run: (signal) => orLeftBehind(clock, signal, keepOpen({ clock, random }, session, fail, signal)),
  };
}

/** Finds out whether a connection works: it does when it stays open for long, or, where `areBytesEnough`, gives a byte. */
function openTrial(clock: Clock, works: () => void, areBytesEnough: boolean) {
  let isProven = false;
  let isShort = true;
  const prove = () => {
    isProven = true;
    works();
  };
  const end = clock.timer(PROVEN_MS, () => {
    isShort = false;
    prove();
  });
  return {
    heard: () => {
      if (areBytesEnough && !isProven) prove();
    },
    end,
    get isProven() {
      return isProven;
    },
    /** It has not been open for long. */
    get isShort() {
      return isShort;
    },
  };
}

/** Follows why connections were dropped: where nobody on the other side is understood, time after time, somebody else answers. */
function openDrops() {
  let newest: BusError | undefined;
  let count = 0;
  return {
    get isStranger() {
      return count >= STRANGE_COUNT;
    },
    begin: () => {
      newest = undefined;
    },
    because: (cause: BusError) => {
      newest = cause;
    },
    /** The connection is over. Returns why we dropped it where it was of no use: nothing came, or time after time what no device sends. */
    end: (wasShort: boolean, wasProven: boolean) => {
      count = wasShort && newest?.isStranger === true ? count + 1 : 0;
      return count >= STRANGE_COUNT || !wasProven ? newest : undefined;
    },
  };
}

/** Settles as `work` does, but at the latest when closing could be over since `signal` was aborted. */
function orLeftBehind(clock: Clock, signal: AbortSignal, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let cancel = () => {};
    const onAbort = () => {
      cancel = clock.timer(CLOSE_MS_MAX, resolve);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      cancel();
      signal.removeEventListener('abort', onAbort);
    });
  });
}

/** Opens again and again, with waits that grow as long as opening does not help. */
async function keepOpen(
  { clock, random }: Pick<ReopeningStreamOptions, 'clock' | 'random'>,
  session: (signal: AbortSignal) => Promise<BusError | undefined>,
  fail: (error: BusError) => void,
  signal: AbortSignal,
): Promise<void> {
  let backOffMs = BACK_OFF_MS_FIRST;
  let wasAbsent = false;
  while (!signal.aborted) {
    try {
      const useless = await session(signal);
      if (signal.aborted) return;
      if (useless !== undefined) throw useless;
      // What became of it is told by the next opening: a cable that was pulled, or nothing worth a word.
      backOffMs = BACK_OFF_MS_FIRST;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof BusError)) throw error;
      fail(error);
      const isAbsent = error.kind === 'absent';
      // It was plugged in just now: who holds it has come to look at it, and its permissions are being set.
      if (wasAbsent && !isAbsent) backOffMs = BACK_OFF_MS_FIRST;
      wasAbsent = isAbsent;
      backOffMs = Math.min(backOffMs * 2, BACK_OFF_MS_MAX[error.kind] ?? BACK_OFF_MS_MAX_DEFAULT);
    }
    await sleep(clock, backOffMs * (1 - JITTER * random()), signal).catch(() => {});
  }
}

/** Passes on that a line works or why it does not, each time that is something else than before. */
function changes(onChange: (failure: BusError | undefined) => void) {
  let told: BusError | 'works' | undefined;
  return {
    works: () => {
      if (told !== 'works') onChange(undefined);
      told = 'works';
    },
    fails: (error: BusError) => {
      const isNew = !(told instanceof BusError) || told.kind !== error.kind || told.message !== error.message;
      told = error;
      if (isNew) onChange(error);
    },
  };
}

/**
 * Opens, and closes again what opens after its time: nobody would own it. Settles when the opening has come to an end, because
 * a second one would hang as well; that the time is over is told meanwhile.
 */
async function openInTime(
  { name, clock, open }: Pick<ReopeningStreamOptions, 'name' | 'clock' | 'open'>,
  fail: (error: BusError) => void,
  signal: AbortSignal,
): Promise<OpenByteStream> {
  const giveUp = new AbortController();
  const onAbort = () => giveUp.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let cancel = clock.timer(OPEN_MS_MAX, () => {
    const late = new BusError('unreachable', `${name} did not open within ${OPEN_MS_MAX} ms`);
    fail(late);
    giveUp.abort(late);
    cancel = clock.timer(HUNG_MS, () => fail(hungError(`${name}: opening it does not come back`)));
  });
  try {
    const line = await open(giveUp.signal);
    if (!giveUp.signal.aborted) return line;
    await line.close();
    throw giveUp.signal.reason;
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

function closedOrAborted(line: OpenByteStream, signal: AbortSignal): Promise<Error | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted || !line.isOpen) return resolve(undefined);
    const onAbort = () => end(undefined);
    const stop = line.onClose((cause) => end(cause));
    const end = (cause: Error | undefined) => {
      stop();
      signal.removeEventListener('abort', onAbort);
      resolve(cause);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
