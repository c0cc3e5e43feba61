import type { Connections, DeviceSpec, Need, PortNeed } from '../../drivers/driver.ts';
import type { Value } from '../../drivers/reading.ts';
import type { TestClock } from '../support/test-clock.ts';

/** A value that a good read must give, from a data sheet, a recording or a second implementation. */
interface ExpectedReading {
  readonly id: string;
  readonly value: Value;
  /** Largest allowed difference; exact when left out. */
  readonly tolerance?: number;
}

/**
 * What the contract suite (contract.test.ts) needs to know about one driver. It stands in `fixtures/<driver>.ts` and is
 * exported as `fixture`; the suite finds it by the driver's id.
 */
export interface DriverFixture {
  /** What the board and the site say about the device. `with` is what the driver's schema is given. */
  readonly spec: DeviceSpec;
  /** Of a driver that only provides ports: one of them, and what is plugged in there, through which everything is asked. */
  readonly port?: { readonly id: string; readonly need: PortNeed; readonly driver: string; readonly spec: DeviceSpec };
  /**
   * Every answer of the device in one opening and one good read, as the connection hands it to the driver. The suite
   * flips each bit of each of them. Empty where nothing is transmitted (a level on a pin).
   */
  readonly answers: readonly Uint8Array[];
  /**
   * A new counterpart that gives these answers (the good ones, or one of them changed) for as many reads as are asked.
   * The same question always gets the same answer, so that a read after a failed one works.
   */
  connect(answers: readonly Uint8Array[], clock: TestClock): Connections[Need];
  /** How long after the opening a device gives values, where it has to warm up first. */
  readonly readyAfterMs?: number;
  /** What a good read gives: all wanted readings. Empty for a driver that only writes. */
  readonly expected: readonly ExpectedReading[];
  /**
   * `checksum`: the driver itself verifies a checksum, so that no flipped bit may ever give a value.
   * `none`: the chip has no checksum, or the bus has verified it before the driver sees the bytes.
   */
  readonly integrity: 'checksum' | 'none';
}
