import type { BusConfig, DeviceConfig } from '../config/config.ts';
import { lineMs } from '../drivers/bus/modbus-timing.ts';
import type { Driver } from '../drivers/driver.ts';

/** What the operating system may take for one call on a busy machine. */
const CALL_MS = 100;
/**
 * What a call into this machine itself may take, where no line is in between: at a busy start, when programs and packages are
 * loaded, and until a line of GPIO that is exported anew has got its owner. It is over when the machine says so; only a call that
 * hangs takes longer.
 */
const MACHINE_MS = 2_000;
/** A device that talks by itself once a second is heard within this time. */
const SERIAL_ANSWER_MS = 1_500;

/**
 * How long a device may have the bus for one read before the read counts as failed: the time on the wire, the device's own
 * time and a margin for every request that its driver plans. On I2C and Modbus the bus is taken request by request, each with
 * a deadline of its own (buses.ts).
 */
export function readDeadlineMs(device: DeviceConfig, bus: BusConfig, driver: Driver): number {
  const plan = driver.plan(device.spec);
  const sizeBytes = plan.reduce((sum, { writeBytes, readBytes }) => sum + writeBytes + readBytes, 0);
  const waitMs = plan.reduce((sum, request) => sum + request.waitMs, 0);
  const callMs = bus.type === 'gpio' || bus.type === 'gateway' ? MACHINE_MS : CALL_MS;
  const ownMs = waitMs + device.readTimeMs + Math.max(1, plan.length) * callMs;
  return bus.type === 'serial' ? ownMs + SERIAL_ANSWER_MS + lineMs(sizeBytes, bus.baud) : ownMs;
}
