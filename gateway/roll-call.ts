import type { Clock } from '../drivers/clock.ts';

/** While nobody on a bus answers, one of its devices is tried after so long: with the try itself less than ten seconds. */
const CALL_MS = 8_000;
/** So long after somebody answered the others are tried once more: answers to what was asked before may still have been on their way. */
const SECOND_MS = 5_000;
/** Polls in a row, of whomever, that nobody answered. */
const VAIN_COUNT = 3;
/** A device that is polled less often than this is not waited for: in between it tells nothing of the bus. */
const RARE_MS = 60_000;

/** One device of the bus. */
export interface Called {
  readonly isSilent: boolean;
  readonly everyMs: number;
  /** Tries it now, and not when its wait is over. Does nothing while it is tried already. */
  tryNow(): void;
}

/**
 * Follows all devices of one bus. A wire that touches another one, or a chip that holds it, silences all of them, and they
 * would stay away for a minute after it was mended, each waiting for its next try. So while all are silent they are tried in
 * turn, which delays nobody, and as soon as one answers all others are tried at once.
 */
export interface RollCall {
  /** Takes a device in, and returns what takes it out again. */
  join(device: Called): () => void;
  /** Somebody is there: it answered, or refused. */
  answered(device: Called): void;
  /** A poll of it failed. */
  failed(device: Called): void;
}

/** With fewer devices than `countMin` a silent one tells nothing of its bus, and nobody is called. */
export function openRollCall(clock: Clock, countMin: number): RollCall {
  /** The one that was tried the longest ago comes first. */
  const devices: Called[] = [];
  let vainCount = 0;
  let isCalling = false;
  let cancel = () => {};
  let cancelSecond = () => {};

  const areSilent = () =>
    devices.length >= countMin &&
    devices.some(({ isSilent }) => isSilent) &&
    devices.every(({ isSilent, everyMs }) => isSilent || everyMs > RARE_MS);
  const call = () => {
    cancel = clock.timer(CALL_MS, () => {
      call();
      devices.find(({ isSilent }) => isSilent)?.tryNow();
    });
  };
  const rouse = (one: Called) => {
    for (const other of devices) if (other !== one && other.isSilent) other.tryNow();
  };
  const look = () => {
    cancel();
    isCalling = vainCount >= VAIN_COUNT && areSilent();
    if (isCalling) call();
  };
  const leave = (device: Called) => {
    const at = devices.indexOf(device);
    if (at >= 0) devices.splice(at, 1);
  };
  return {
    join: (device) => {
      devices.push(device);
      return () => {
        leave(device);
        look();
        if (devices.length === 0) cancelSecond();
      };
    },
    answered: (device) => {
      // Also where not all were silent yet: one that was not asked, because the line was closed, is not.
      const wasVain = vainCount >= VAIN_COUNT;
      vainCount = 0;
      if (!wasVain) return;
      look();
      rouse(device);
      cancelSecond();
      cancelSecond = clock.timer(SECOND_MS, () => rouse(device));
    },
    failed: (device) => {
      leave(device);
      devices.push(device);
      vainCount += 1;
      look();
    },
  };
}
