import type { OpenOneWireBus } from '../../drivers/bus/onewire.ts';
import { BusError } from '../../drivers/errors.ts';
import type { OneWireModel } from '../devices/model.ts';
import { passFault } from './bus-fault.ts';
import type { PlacedModel, World } from './world.ts';

/** A conversion at 12 bits, and the bits around it at some 15 kbit/s. */
const READ_MS = 760;

/** A simulated 1-Wire bus with the kernel above it: one measurement at a time, told as the file w1_slave tells it. */
export function simulatedOneWire(
  bus: string,
  probes: readonly PlacedModel<OneWireModel>[],
  world: World,
): () => Promise<OpenOneWireBus> {
  const { clock } = world;
  const says = { busy: `${bus} is in use`, absent: 'the kernel drives no 1-Wire bus' };
  let freeAtMs = 0;
  const readThermometer = async (rom: string) => {
    await passFault(world, bus, says);
    const probe = probes.find(({ model }) => model.rom === rom);
    if (probe === undefined) throw new BusError('absent', `${rom} is not there`);
    const fate = probe.fate();
    freeAtMs = Math.max(clock.monotonicMs(), freeAtMs) + READ_MS + fate.delayMs;
    const waitMs = freeAtMs - clock.monotonicMs();
    await new Promise<void>((resolve) => {
      clock.timer(waitMs, resolve);
    });
    const sent = probe.model.scratchpad(clock.monotonicMs());
    // Where nobody pulls the line low, the kernel reads ones; what is sent too early or too late moves the bits.
    const arrived = fate.isLost ? new Uint8Array(0) : fate.damage(sent);
    const read = Uint8Array.from({ length: sent.length }, (_, i) => arrived[i] ?? 0xff);
    world.tap?.({ bus, atMs: clock.monotonicMs(), direction: 'in', label: rom, bytes: read });
    return new TextEncoder().encode(told(read, sent.at(-1) === read.at(-1) && sent.every((byte, i) => byte === read[i])));
  };
  return async () => {
    await passFault(world, bus, says);
    return { readThermometer, close: async () => {} };
  };
}

/** The two lines of the kernel. It shows the checksum that it reckoned; which of the bits was turned, nobody sees. */
function told(scratchpad: Uint8Array, isRight: boolean): string {
  const bytes = [...scratchpad].map((byte) => byte.toString(16).padStart(2, '0'));
  const crc = isRight ? bytes.at(-1) : '00';
  const sixteenths = ((((scratchpad[1] ?? 0) << 8) | (scratchpad[0] ?? 0)) << 16) >> 16;
  return `${bytes.join(' ')} : crc=${crc} ${isRight ? 'YES' : 'NO'}\n${bytes.join(' ')} t=${Math.trunc(sixteenths * 62.5)}\n`;
}
