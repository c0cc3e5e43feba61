import type { Clock } from '../../drivers/clock.ts';
import { activeFault, type Fault } from '../faults.ts';
import type { Random } from '../random.ts';

/** How late an answer is when the fault does not say. */
const LATE_MS = 1000;
const NOISE_BYTES_MAX = 4;

/** What happens to one answer of a device. */
export interface Fate {
  readonly isLost: boolean;
  /** It is not sent if it is an exception. */
  readonly isMute: boolean;
  /** How much later it comes. */
  readonly delayMs: number;
  /**
   * What arrives instead of `bytes`: one bit of the first `corruptible` bytes turned round, the first half only, or noise
   * in front of them.
   */
  damage(bytes: Uint8Array, corruptible?: number): Uint8Array;
}

const UNHARMED: Fate = { isLost: false, isMute: false, delayMs: 0, damage: (bytes) => bytes };

/**
 * Decides the fate of a device's answers, one after the other: a fault with a rate hits that part of them. It has a
 * stream of chance of its own, so that a fault does not change what the device does otherwise.
 */
export function fates(world: { clock: Clock; faults: readonly Fault[]; random: Random }, device: string): () => Fate {
  const random = world.random.fork(`faults/${device}`);
  return () => {
    const nowMs = world.clock.monotonicMs();
    const fault = activeFault(world.faults, 'device', nowMs, (each) => each.device === device && random() < each.rate);
    switch (fault?.kind) {
      case 'silent':
        return { ...UNHARMED, isLost: true };
      case 'mute':
        return { ...UNHARMED, isMute: true };
      case 'late':
        return { ...UNHARMED, delayMs: fault.byMs ?? LATE_MS };
      case 'corrupt':
        return { ...UNHARMED, damage: (bytes, corruptible = bytes.length) => withFlippedBit(bytes, corruptible, random) };
      case 'cut':
        return { ...UNHARMED, damage: (bytes) => bytes.slice(0, Math.floor(bytes.length / 2)) };
      case 'noise':
        return { ...UNHARMED, damage: (bytes) => Uint8Array.from([...noise(random), ...bytes]) };
      case undefined:
        return UNHARMED;
    }
  };
}

function withFlippedBit(bytes: Uint8Array, corruptible: number, random: Random): Uint8Array {
  const place = Math.floor(random() * corruptible);
  const bit = 1 << Math.floor(random() * 8);
  return bytes.map((byte, i) => (i === place ? byte ^ bit : byte));
}

function noise(random: Random): number[] {
  const length = 1 + Math.floor(random() * NOISE_BYTES_MAX);
  return Array.from({ length }, () => Math.floor(random() * 256));
}
