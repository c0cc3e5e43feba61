import type { ModbusModel } from '../devices/model.ts';
import { isException } from './exception.ts';
import type { FarEnd, Wire } from './line.ts';
import type { PlacedModel, World } from './world.ts';

/** The largest frame (Modbus over serial line V1.02 §2.5.1); what is longer is nobody's. */
const FRAME_BYTES_MAX = 256;
const FRAME_BYTES_MIN = 4;
/** The silence that ends a frame: three and a half characters, and a fixed time above 19,200 baud (§2.5.1.1). */
const SILENT_CHARACTERS = 3.5;
const SILENCE_MS_MIN = 1.75;

/**
 * The slaves on one RTU line. All of them hear every frame; the one that is meant answers, and nobody answers a frame
 * whose checksum is wrong.
 */
export function modbusRtuSlaves(slaves: readonly PlacedModel<ModbusModel>[], byteMs: number, world: World, wire: Wire): FarEnd {
  const { clock } = world;
  const silenceMs = Math.max(SILENT_CHARACTERS * byteMs, SILENCE_MS_MIN);
  /** When the newest answer of each unit is over. */
  const answeredMs = new Map<number, number>();
  let received: number[] = [];
  let cancel = () => {};

  const endOfFrame = () => {
    // The next bytes are under way already: it was no silence, and they will be told of when they are all there.
    if (wire.isReceiving()) return;
    const frame = Uint8Array.from(received);
    received = [];
    if (frame.length < FRAME_BYTES_MIN || frame.length > FRAME_BYTES_MAX || !hasGoodChecksum(frame)) return;
    const slave = slaves.find(({ model }) => model.unit === frame[0]);
    if (slave === undefined) return;
    const { afterMs, pdu } = slave.model.answer(frame.slice(1, -2), clock.monotonicMs());
    const { isLost, isMute, delayMs, damage } = slave.fate();
    const answer = withChecksum([slave.model.unit, ...pdu]);
    if (isLost || (isMute && isException(pdu))) return;
    // A slave works through its questions in order: a late answer keeps the next one waiting, and is never overtaken by it.
    const previousMs = answeredMs.get(slave.model.unit) ?? 0;
    const atMs = Math.max(clock.monotonicMs() + afterMs + delayMs, previousMs);
    answeredMs.set(slave.model.unit, atMs + answer.length * byteMs);
    clock.timer(atMs - clock.monotonicMs(), () => wire.send(damage(answer)));
  };

  return {
    receive: (bytes) => {
      // One byte more than a frame can have is enough to know that it is none.
      received = [...received, ...bytes].slice(0, FRAME_BYTES_MAX + 1);
      cancel();
      cancel = clock.timer(silenceMs, endOfFrame);
    },
    close: () => cancel(),
  };
}

function hasGoodChecksum(frame: Uint8Array): boolean {
  const expected = withChecksum(frame.slice(0, -2));
  return expected.every((byte, i) => byte === frame[i]);
}

/** CRC-16 as a division by x^16 + x^15 + x^2 + 1, lowest bit first (V1.02 appendix B); its low byte is sent first. */
function withChecksum(bytes: Iterable<number>): Uint8Array {
  const body = [...bytes];
  let remainder = 0xffff;
  for (const byte of body) {
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = (remainder ^ (byte >> bit)) & 1;
      remainder >>= 1;
      if (carry === 1) remainder ^= 0xa001;
    }
  }
  return Uint8Array.from([...body, remainder & 0xff, remainder >> 8]);
}
