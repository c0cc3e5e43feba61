import type { DeviceSpec } from '../../drivers/driver.ts';

/** A device as a board with these readings describes it. */
export function deviceSpec<With>(board: string, options: With, readings: readonly string[]): DeviceSpec<With> {
  return { board, with: options, readings: readings.map((id) => ({ id })), outputs: [] };
}
