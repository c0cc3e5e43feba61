import type { BusConfig, DeviceConfig } from '../config/config.ts';
import type { Driver } from '../drivers/driver.ts';

/** Start bit, eight data bits, parity, stop bit: the longest character of a serial line. */
const BITS_PER_CHARACTER = 11;
/** An I2C byte and its acknowledgement. */
const BITS_PER_I2C_BYTE = 9;
/** What the operating system may take for one call on a busy machine. */
const CALL_MS = 100;
/** A device that talks by itself once a second is heard within this time. */
const SERIAL_ANSWER_MS = 1_500;

/**
 * How long one read of a device may take before it counts as failed: the time on the wire, the device's own time and a
 * margin for every request that its driver plans. (A Modbus request has its own, shorter deadline; this one is the
 * safety net around all of a round.)
 */
export function readDeadlineMs(device: DeviceConfig, bus: BusConfig, driver: Driver): number {
  const plan = driver.plan(device.spec);
  const sizeBytes = plan.reduce((sum, { writeBytes, readBytes }) => sum + writeBytes + readBytes, 0);
  const waitMs = plan.reduce((sum, request) => sum + request.waitMs, 0);
  const count = Math.max(1, plan.length);
  const ownMs = waitMs + device.readTimeMs + count * CALL_MS;
  switch (bus.type) {
    case 'gpio':
    case 'onewire':
      return ownMs;
    case 'i2c':
      return ownMs + (sizeBytes * BITS_PER_I2C_BYTE * 1000) / bus.speedHz;
    case 'serial':
      return ownMs + SERIAL_ANSWER_MS + (sizeBytes * BITS_PER_CHARACTER * 1000) / bus.baud;
    case 'modbus-rtu':
      return ownMs + count * (bus.timeoutMs + bus.pauseMs) + (sizeBytes * BITS_PER_CHARACTER * 1000) / bus.baud;
    case 'modbus-tcp':
      return ownMs + count * bus.timeoutMs;
  }
}
