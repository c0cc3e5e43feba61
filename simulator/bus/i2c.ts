import type { OpenI2cBus } from '../../drivers/bus/i2c.ts';
import { BusError } from '../../drivers/errors.ts';
import type { I2cModel } from '../devices/model.ts';
import { busFault, passFault, wasUnplugged } from './bus-fault.ts';
import type { PlacedModel, World } from './world.ts';

/** Eight bits and an acknowledgement. */
const CLOCKS_PER_BYTE = 9;

/** How long the kernel waits for a bus that does not become free (struct i2c_adapter, timeout: one second unless a driver says otherwise). */
const STUCK_MS = 1_000;

export interface I2cOptions {
  readonly bus: string;
  /** Its device file, for messages. */
  readonly name: string;
  readonly speedHz: number;
}

/** A simulated I2C bus with its chips: one transaction at a time, each as long as its bits take. */
export function simulatedI2cBus(
  { bus, name, speedHz }: I2cOptions,
  chips: readonly PlacedModel<I2cModel>[],
  world: World,
): () => Promise<OpenI2cBus> {
  const { clock } = world;
  const byteMs = (CLOCKS_PER_BYTE * 1000) / speedHz;
  let freeAtMs = 0;

  /** Waits until the bus is free and `bytes` have gone over it. */
  const occupy = (byteCount: number, stretchMs: number): Promise<void> => {
    const nowMs = clock.monotonicMs();
    freeAtMs = Math.max(nowMs, freeAtMs) + byteCount * byteMs + stretchMs;
    const waitMs = freeAtMs - nowMs;
    return new Promise((resolve) => clock.timer(waitMs, resolve));
  };

  const says = { busy: `${name} is in use`, absent: `${name} is not there` };

  const transfer = async (address: number, write: Uint8Array, readLength: number): Promise<Uint8Array> => {
    if (busFault(world, bus)?.kind === 'stuck') {
      await occupy(0, STUCK_MS);
      throw new BusError('timeout', `${name}: the bus is stuck`);
    }
    const label = `0x${address.toString(16)}`;
    const sent = write.slice();
    world.tap?.({ bus, atMs: clock.monotonicMs(), direction: 'out', label, bytes: sent });
    const chip = chips.find(({ model }) => model.address === address);
    const fate = chip?.fate();
    const isSilent = fate === undefined || fate.isLost;
    // Nobody acknowledges the address, and the master gives up after that one byte.
    await occupy(isSilent ? 1 : byteCount(sent.length, readLength), fate?.delayMs ?? 0);
    const answer = isSilent ? undefined : chip?.model.transfer(sent, readLength, clock.monotonicMs());
    if (answer === undefined) throw new BusError('no-answer', `nothing acknowledged address ${label} on ${name}`);
    const read = asTheMasterReads(answer, fate?.damage(answer) ?? answer);
    world.tap?.({ bus, atMs: clock.monotonicMs(), direction: 'in', label, bytes: read });
    return read;
  };

  return async () => {
    await passFault(world, bus, says);
    const openedMs = clock.monotonicMs();
    return {
      transfer: async (...what) => {
        await passFault(world, bus, says);
        // What is open stays that of the adapter that was pulled out, also when one is plugged in again.
        if (wasUnplugged(world, bus, openedMs)) throw new BusError('absent', says.absent);
        return transfer(...what);
      },
      close: async () => {},
    };
  };
}

/** The address once, and once more after the repeated start of a read. */
function byteCount(written: number, read: number): number {
  return 1 + written + (written > 0 && read > 0 ? 1 : 0) + read;
}

/** The master takes as many bytes as it wants: where the chip sends none, the line is high; what comes too late is lost. */
function asTheMasterReads(answer: Uint8Array, sent: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: answer.length }, (_, i) => sent[i] ?? 0xff);
}
