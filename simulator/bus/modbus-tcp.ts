import type { ModbusModel } from '../devices/model.ts';
import { isException } from './exception.ts';
import type { FarEnd, Wire } from './line.ts';
import type { PlacedModel, World } from './world.ts';

/** Transaction, protocol 0 and length as two bytes each, then the unit (Modbus messaging on TCP/IP V1.0b §3.1.3). */
const HEADER_BYTES = 7;
/** Unit and the largest protocol data unit. */
const LENGTH_MAX = 254;
/** Exception 11, "gateway target device failed to respond": nobody behind this address has the unit. */
const NO_SUCH_UNIT = 0x0b;

/** The units behind one TCP address. Transaction and unit come back as they were asked; what is not Modbus is not answered. */
export function modbusTcpServer(slaves: readonly PlacedModel<ModbusModel>[], world: World, wire: Wire): FarEnd {
  const { clock } = world;
  let received = new Uint8Array(0);

  const answer = (header: Uint8Array, pdu: Uint8Array) => {
    const slave = slaves.find(({ model }) => model.unit === header[6]);
    if (slave === undefined) return wire.send(framed(header, Uint8Array.of((pdu[0] ?? 0) | 0x80, NO_SUCH_UNIT)));
    const { afterMs, pdu: reply } = slave.model.answer(pdu, clock.monotonicMs());
    const { isLost, isMute, delayMs, damage } = slave.fate();
    // TCP's own checksum protects the values, so what a faulty device can spoil is the header that it writes itself.
    const bytes = damage(framed(header, reply), HEADER_BYTES - 1);
    const isSent = !isLost && !(isMute && isException(reply));
    if (isSent) clock.timer(afterMs + delayMs, () => wire.send(bytes));
  };

  return {
    receive: (bytes) => {
      received = Uint8Array.from([...received, ...bytes]);
      while (received.length > HEADER_BYTES) {
        const view = new DataView(received.buffer);
        const length = view.getUint16(4);
        if (view.getUint16(2) !== 0 || length < 2 || length > LENGTH_MAX) {
          received = new Uint8Array(0);
          return;
        }
        const end = HEADER_BYTES - 1 + length;
        if (received.length < end) return;
        answer(received.slice(0, HEADER_BYTES), received.slice(HEADER_BYTES, end));
        received = received.slice(end);
      }
    },
  };
}

function framed(header: Uint8Array, pdu: Uint8Array): Uint8Array {
  const length = pdu.length + 1;
  return Uint8Array.from([...header.slice(0, 4), length >> 8, length & 0xff, header[6] ?? 0, ...pdu]);
}
