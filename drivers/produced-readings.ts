import type { DeviceSpec } from './driver.ts';

/**
 * The ids of the wanted readings, known to be among those that the driver produces.
 * @throws Error when the board declares another one: the board file is wrong, not the device
 */
export function wantedReadings<Id extends string>(produces: Readonly<Record<Id, string>>, spec: DeviceSpec): readonly Id[] {
  return spec.readings.map(({ id }) => {
    if (Object.hasOwn(produces, id)) return id as Id;
    const known = Object.keys(produces).join(', ');
    throw new Error(
      `board ${spec.board} declares the reading ${id}, but its driver gives only: ${known}. Correct the board file.`,
    );
  });
}

/**
 * The id of the one reading that the board has.
 * @throws Error when it has none, or several: the board file is wrong
 */
export function onlyReading({ board, readings }: DeviceSpec): string {
  const [reading, another] = readings;
  if (reading !== undefined && another === undefined) return reading.id;
  throw new Error(`board ${board}: expected exactly one reading, found ${readings.length}. Correct the board file.`);
}
