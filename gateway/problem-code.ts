import { BusError, type BusErrorKind, type DeviceError, type DeviceErrorKind } from '../drivers/errors.ts';

/** What came over a bus was damaged. */
export const DAMAGED = 'D205';
/** The device says that it has no value now. */
export const NOT_AVAILABLE = 'D207';
/** The device says nothing. */
export const NO_ANSWER = 'D204';

/** Stable codes of what can be wrong with a device; their texts stand in the message catalogue. */
const BUS_CODES: Readonly<Record<BusErrorKind, string>> = {
  absent: 'D201',
  ambiguous: 'D212',
  closed: 'D201',
  // Never shown: whoever asked is told that something newer came.
  expired: 'D200',
  superseded: NO_ANSWER,
  busy: 'D202',
  'no-permission': 'D203',
  'no-answer': NO_ANSWER,
  timeout: NO_ANSWER,
  unreachable: 'D215',
  'bad-checksum': DAMAGED,
  unsupported: 'D208',
  'edge-storm': 'D211',
  hung: 'D213',
  stuck: 'D214',
};
const DEVICE_CODES: Readonly<Record<DeviceErrorKind, string>> = {
  implausible: 'D206',
  strayed: 'D206',
  'not-available': NOT_AVAILABLE,
  refused: 'D209',
};

/** More is asked of a bus than it can carry. */
export const BUS_SATURATED = 'D210';

/** The code under which a failure of the hardware is shown and explained. */
export function problemCode(error: BusError | DeviceError): string {
  return error instanceof BusError ? BUS_CODES[error.kind] : DEVICE_CODES[error.kind];
}
