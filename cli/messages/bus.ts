import { timeTaken as time } from '../../config/duration.ts';
import type { BusReport, CauseReport, DeviceReport, UnitReport } from '../../gateway/bus-report.ts';
import { count } from './count.ts';
import { text as live } from './live.ts';

/** What `barri bus stats` says. */
export const text = {
  noGateway: (folder: string) =>
    `error[B130] no gateway runs on ${folder}, and only a running one counts what happens on its buses\n   = start one with \`barri run\`, or name its folder: --state FOLDER\n   = \`barri check\` computes from the file how busy a bus will be\n`,
  labels: {
    use: '  busy',
    problem: '  wrong',
    line: '  line',
    unit: (unit: number) => `  unit ${unit}`,
    device: '  device',
    cause: '  likely',
  },
  head: ({ bus, type }: BusReport) => `${bus} (${type})`,
  use: ({ forMs, busyMs, probeMs, demand, roundMs, shortestPeriodMs }: BusReport) => {
    const silent = probeMs === 0 ? '' : `, ${percent(probeMs / forMs)} for devices that do not answer`;
    const round = `a round of all takes ${time(roundMs)}, the shortest period that fits is ${time(shortestPeriodMs)}`;
    const need = roundMs === 0 ? '' : `; its polls need ${percent(demand)}: ${round}`;
    return `${percent(busyMs / forMs)} of the last ${live.duration(forMs)}${silent}${need}`;
  },
  problem: live.deviceProblem,
  counts,
  unit: (unit: UnitReport) => `${unit.devices.join(', ') || 'no device of this site'}: ${reads(unit)}${counts(unit)}`,
  device: ({ device, pollCount, failures }: DeviceReport) => {
    const parts = Object.entries(failures).map(([code, count]) => `${count.toLocaleString('en')} ${FAILURES[code] ?? code}`);
    return [`${device}: read ${times(pollCount)}`, ...parts].join(', ');
  },
  readTimes: (p50Ms: number, p99Ms: number, bars: string) =>
    `half of the reads take up to ${time(p50Ms)}, 99 % up to ${time(p99Ms)}   ${bars}`,
  answerTimes: (p50Ms: number, p99Ms: number, bars: string) =>
    `half answer within ${time(p50Ms)}, 99 % within ${time(p99Ms)}   ${bars}`,
  proposal: (line: string) => `learned; write it under \`modbus:\` of the board, and it need not be learned again: ${line}`,
  timeClass: (endMs: number | undefined, bar: string) => `${endMs === undefined ? 'longer' : `≤${time(endMs)}`} ${bar}`,
  cause: ({ cause, units, devices = [] }: CauseReport) =>
    CAUSES[cause](units.length === 1 ? `unit ${units[0]}` : units.length > 1 ? `units ${units.join(', ')}` : devices.join(', ')),
};

/** What failed reads are called, by the code of their problem. */
const FAILURES: Readonly<Record<string, string>> = {
  D201: 'while the bus was away',
  D202: 'while the bus was in use',
  D203: 'not allowed',
  D204: 'not answered',
  D205: 'damaged',
  D206: 'with an impossible answer',
  D207: 'without a value',
  D208: 'not possible here',
  D209: 'refused',
  D211: 'in a storm of edges',
  D212: 'while the name of the port fitted more than one',
  D213: 'while its driver hung',
  D214: 'while the bus was stuck',
  D215: 'while there was no connection',
};

function times(value: number): string {
  return value === 1 ? 'once' : count(value, 'time');
}

const CAUSES: Readonly<Record<CauseReport['cause'], (units: string) => string>> = {
  wiring: () =>
    'cable or settings: answers of every device come damaged. Look at A and B, the 120 Ω resistors at both ends, the common ground, baud rate and parity',
  'clash-or-stub': (units) =>
    `${units}: only these answers come damaged. Two devices with one address, or a bad clamp or a long stub at this device: unplug it and see whether the address still answers`,
  'second-master': () => 'a second master: answers came that nobody here had asked for. Only one may ask on a line',
  echo: () =>
    'the adapter returns what is sent on it. That is taken into account; `echo: true` at the bus says so from the start',
  'all-silent': () =>
    'the bus itself: none of its devices answers. Look at its supply, at a wire that came off or touches another one, and, on RS-485, whether A and B are exchanged',
  damaged: (devices) =>
    `${devices}: answers come damaged. Shorten the wires, and look at the common ground, the supply and, on I2C, the two resistors to the supply`,
  repeated: (units) =>
    `${units}: answers come twice, as from some converters, or where somebody else asks the same. They are told apart, but what is alike is asked half a second later: look for a repeat setting of the converter`,
  slow: (units) => `${units}: answers come after their time. Write a longer \`timeout:\` at the bus`,
};

/** How many requests a read took. */
function reads({ pollCount, requestCount }: UnitReport): string {
  if (pollCount === 0) return '';
  const each = Number((requestCount / pollCount).toPrecision(2));
  return `read ${times(pollCount)}, with ${count(each, 'request')} each; `;
}

function counts({
  requestCount,
  answerCount,
  timeoutCount,
  damagedCount,
  exceptionCount,
  lateCount,
  unaskedCount,
  repeatedCount,
}: BusReportCounts): string {
  const parts = [`${requestCount.toLocaleString('en')} asked`, `${answerCount.toLocaleString('en')} answered`];
  const rare = [
    [timeoutCount, 'not answered'],
    [damagedCount, 'damaged'],
    [exceptionCount, 'refused'],
    [lateCount, 'too late'],
    [unaskedCount, 'that nobody asked for'],
    [repeatedCount, 'twice'],
  ] as const;
  for (const [count, what] of rare) if (count > 0) parts.push(`${count.toLocaleString('en')} ${what}`);
  return parts.join(', ');
}

type BusReportCounts = Omit<NonNullable<BusReport['line']>, 'units'>;

function percent(share: number): string {
  if (!Number.isFinite(share) || share === 0) return '0 %';
  if (share < 0.001) return 'less than 0.1 %';
  return share < 0.1 ? `${Number((100 * share).toPrecision(2))} %` : `${Math.round(100 * share)} %`;
}
