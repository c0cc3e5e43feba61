import type { DeviceProblem } from '../../gateway/device-state.ts';
import type { ReadingRow } from '../../gateway/status.ts';

/** Texts of everything that shows a running gateway. English; other languages take the same keys. */
export const text = {
  readingHeader: ['DEVICE', 'READING', 'VALUE', 'UNIT', 'AGE', 'QUALITY'],
  state: (on: boolean) => (on ? 'yes' : 'no'),
  duration,
  quality: (quality: ReadingRow['quality'], reason: string | undefined) =>
    reason === undefined || quality !== 'suspect' ? QUALITY[quality] : `${QUALITY[quality]} (${REASONS[reason] ?? reason})`,
  deviceProblem: ({ code, message }: DeviceProblem) => `${code} ${PROBLEMS[code] ?? ''} (${message})`,
  gatewayStopped: 'the gateway has stopped',
  readingDirectly: 'No gateway runs for this site: reading the devices directly.\n',
  stateFolderLocked: (folder: string) =>
    `error[B101] another gateway already runs on ${folder}\n   = stop it first (sudo systemctl stop barri), or give this one a folder of its own: --state FOLDER\n`,
  stateFolderUnusable: (folder: string, why: string) =>
    `error[B102] the state folder ${folder} cannot be used: ${why}\n   = make it writable for this user, or choose another one: --state FOLDER\n`,
} as const;

const QUALITY: Readonly<Record<ReadingRow['quality'], string>> = {
  good: 'good',
  suspect: 'suspect',
  old: 'too old',
  none: 'no value yet',
};

const REASONS: Readonly<Record<string, string>> = {
  'out-of-range': 'outside the valid range',
  jump: 'changed faster than allowed',
};

/** One line for each way a device can fail; the driver's own words follow in brackets. */
const PROBLEMS: Readonly<Record<string, string>> = {
  D201: 'the port is closed or unplugged',
  D202: 'another program holds the port',
  D203: 'this user may not open the port',
  D204: 'no answer',
  D205: 'answers arrive damaged: check cable, baud rate and termination',
  D206: 'the device answers nonsense',
  D207: 'the device has no value now',
  D208: 'not possible on this machine in this version',
  D209: 'the device refuses the question',
};

/** A length of time as a person says it: `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return withRest(`${hours} h`, minutes % 60, 'min');
  return withRest(`${Math.floor(hours / 24)} d`, hours % 24, 'h');
}

function withRest(whole: string, rest: number, unit: string): string {
  return rest === 0 ? whole : `${whole} ${rest} ${unit}`;
}
