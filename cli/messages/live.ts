import { timePassed } from '../../config/duration.ts';
import type { DeviceProblem } from '../../gateway/device-state.ts';
import { type Damage, type ForeignKind, SLOTS_TOGETHER } from '../../gateway/journal/journal.ts';
import { SEQUENCES_OF_A_SLOT } from '../../gateway/journal/next-sequence.ts';
import type { GatewayStatus, ReadingRow, ReadingTrouble } from '../../gateway/status.ts';
import type { ClockDoubt } from '../../gateway/timekeeper.ts';
import type { UplinkState } from '../../gateway/uplink/status.ts';
import type { Absence, ToldBy } from '../journal-find.ts';
import type { Owner } from '../owner.ts';
import type { LostAtEnd } from '../stop-gateway.ts';
import type { TooFewThreads } from '../thread-pool.ts';
import { cityProblem } from './city-problems.ts';
import { count } from './count.ts';
import { problemText } from './device-problems.ts';

/** Texts of everything that shows a running gateway. English; other languages take the same keys. */
export const text = {
  readingHeader: ['DEVICE', 'READING', 'VALUE', 'UNIT', 'AGE', 'QUALITY'],
  state: (on: boolean) => (on ? 'yes' : 'no'),
  duration: timePassed,
  quality: (quality: ReadingRow['quality'], reason: string | undefined) =>
    reason === undefined || quality !== 'suspect' ? QUALITY[quality] : `${QUALITY[quality]} (${REASONS[reason] ?? reason})`,
  deviceProblem: problemText,
  stateFolderOfOtherKind: (folder: string, simulated: boolean) =>
    `error[B106] the journal in ${folder} holds ${simulated ? 'real' : 'simulated'} readings\n   = ${
      simulated ? 'simulated ones would reach the city with them' : 'they would reach the city as if they were real'
    }: give another folder: --state FOLDER\n`,
  apiForbidden: (folder: string, owner: Owner | undefined) =>
    `error[B108] the gateway on ${folder} runs as another user${owner?.name === undefined ? '' : ` (${owner.name})`}\n   = ${asOwner(owner)}\n`,
  notUnderstood: (socket: string) =>
    `error[B153] what answers on ${socket} is no gateway: it says nothing that this program understands\n   = it is another program, or a gateway of another version: stop it, and start the gateway with \`barri run\`\n`,
  folderForbidden: (folder: string, owner: Owner | undefined) => {
    const whose =
      owner === undefined ? '' : `: ${owner.path} belongs to ${owner.isSelf ? 'it, but is closed' : ownerName(owner)}`;
    return `error[B144] this user may not look into ${folder}${whose}\n   = ${asOwner(owner)}\n`;
  },
  statusLabels: {
    measuring: 'Measuring',
    stored: 'Stored',
    city: 'City',
    clock: 'Clock',
    rules: 'Rules',
    alarm: 'Alarm',
    device: 'Device',
    reading: 'Reading',
    bus: 'Bus',
    skipped: 'Not run',
  },
  measuring: ({ answeringCount, deviceCount, newestAgeMs }: GatewayStatus['measuring'], startingCount: number) => {
    const newest = newestAgeMs === undefined ? '' : `, newest ${timePassed(newestAgeMs)} ago`;
    return `${answeringCount} of ${count(deviceCount, 'device')}${newest}${startingCount === 0 ? '' : `, ${startingCount} not due yet`}`;
  },
  stored: (records: number, size: string, max: string | undefined) =>
    `${count(records, 'record')} (${max === undefined ? size : `${size} of ${max}`})`,
  waiting: (records: number, since: string | undefined) =>
    records === 0
      ? 'nothing waits for the city'
      : `${count(records, 'record')} ${records === 1 ? 'waits' : 'wait'} for the city${since === undefined ? '' : ` since ${since}`}`,
  evicted: (readings: number) =>
    `${count(readings, 'reading')} that the city never got ${readings === 1 ? 'was' : 'were'} dropped: the journal is full`,
  thinned: (readings: number) =>
    `${count(readings, 'reading')} ${readings === 1 ? 'was' : 'were'} merged into windows of five minutes: the journal is full (\`buffer: { max_size: … }\`)`,
  counting: 'counting what waits',
  missing: (records: number, isExact: boolean) =>
    `${atMost(records, isExact)} missing in all: \`barri journal inspect\` says which and why`,
  foreign: (file: string, what: ForeignKind, offset: number) =>
    offset > 0
      ? `${file} goes on for longer than any file of the journal: what stands from ${count(offset, 'byte')} on was not looked at`
      : `${file} is ${FOREIGN[what]}: left alone`,
  gone: (file: string, offset: number) => {
    if (file === SLOTS_TOGETHER)
      return `${file}: readings that stood in a slot file are missing: it was deleted, cut short or overwritten`;
    return offset > 0 ? `${file}: what stood behind its first ${count(offset, 'byte')} is gone` : `${file}: deleted or emptied`;
  },
  damage: ({ kind, file, offset, sizeBytes, missing, holds, what, count: known }: Damage & { readonly count?: number }) => {
    if (what !== undefined) return text.foreign(file, what, offset);
    if (kind === 'other-version') return `${file} was written by a later version: what it holds waits for that version`;
    if (holds !== undefined) return `${file} cannot be opened: what it holds waits until the card gives it`;
    if (missing === undefined && kind === 'damaged')
      return `${file} cannot be read${BAD_STATES[file.split('.').at(-1) ?? ''] ?? ''}`;
    const range = missing === undefined ? 0 : missing.last - missing.first + 1;
    // Records of another kind may still stand in the range.
    const lost = known ?? range;
    const missed = `${atMost(lost, known !== undefined || range === 0)} missing`;
    if (kind === 'gone') return `${text.gone(file, offset)}; ${missed}`;
    return `damage in ${file}: ${count(sizeBytes, 'byte')}, ${missed}`;
  },
  damageAdvice:
    'The gateway goes on by itself, and nothing has to be done for what is left. If damage comes again, the card is dying: copy it with `barri journal salvage FOLDER --out FILE`, and replace it.',
  moreDamage: (places: number) => `and ${count(places, 'more damaged place')}: \`barri journal verify\` names all`,
  storageFailing: (code: string, since: string, waiting: number) =>
    `${code === 'ENOSPC' ? 'the disk is full' : `the disk refuses writes (${code})`} for ${since}: ${count(waiting, 'reading')} kept in memory`,
  sealingFailing: (code: string) =>
    code === 'ENOSPC'
      ? 'the disk is full: older hours are written over. Make room on it.'
      : `the history cannot be written (${code}). Check the card.`,
  overwritten: (records: number) =>
    `${count(records, 'record')} of the history ${records === 1 ? 'was' : 'were'} lost: the disk was full`,
  storageSlow: (since: string, waiting: number) =>
    `the disk has not answered for ${since}: ${count(waiting, 'reading')} kept in memory`,
  threadsStuck: (since: string, waiting: number) =>
    `calls into drivers hang and hold every thread for ${since}, so that nothing can be stored: ${count(waiting, 'reading')} kept in memory. Unplug what hangs, or restart the gateway (sudo systemctl restart barri)`,
  memoryLeft: (code: string, waiting: number, max: number, leftMs: number | undefined) => {
    if (waiting >= max) return `the memory for them (${count(max, 'reading')}) is full: the oldest are given up, and counted`;
    const room = leftMs === undefined ? count(max, 'reading') : `about ${timePassed(leftMs)} more`;
    const advice = code === 'ENOSPC' ? 'Make room on it' : 'Check the card';
    return `measuring goes on: there is memory for ${room}. ${advice}; it is tried again by itself.`;
  },
  noClock: 'no time yet: readings are kept and get theirs once the clock is set',
  rulesWait: 'rules with a time of day wait until it is known what time it is',
  alarmLine: (alarm: string, about: string, words: string, since: string) =>
    `${text.alarmName(alarm, about)}: ${words}, for ${since}`,
  alarmName: (alarm: string, about: string) => `${alarm}${about === '' || about === alarm ? '' : ` (${about})`}`,
  moreAlarms: (alarms: number) => `and ${count(alarms, 'more alarm')}`,
  alarmsWait: (messages: number) =>
    `${count(messages, 'message')} about alarms ${messages === 1 ? 'waits' : 'wait'} for the city`,
  clockDoubt: (doubt: ClockDoubt, time: string) => CLOCK_DOUBTS[doubt](time),
  untimedBoots: (boots: number, dropIn: string) =>
    `${count(boots, 'run')} of this machine ended without a time: kept here, given up for the city in ${dropIn}`,
  cityState: (state: UplinkState, since: string) =>
    state === 'starting' ? 'nothing sent yet' : `${CITY_STATES[state]} since ${since}`,
  cityProblem,
  cityNextTry: (inMs: number, attempt: number) => `next try in ${timePassed(inMs)} (attempt ${attempt}). Nothing is lost.`,
  cityCounts: (delivered: number, folded: number) =>
    `${count(delivered, 'reading')} delivered since the start${folded === 0 ? '' : `, ${folded} folded (two in one second)`}`,
  rejected: (reason: string, readings: number) => `${count(readings, 'reading')} set aside for good: ${reason}`,
  noTime: (readings: number) =>
    `${count(readings, 'reading')} taken before the clock was set ${readings === 1 ? 'waits' : 'wait'} here`,
  noCity: 'no sentilo: in the site file: nothing is sent',
  deviceLine: (device: string, since: string, problem: DeviceProblem, { bus, type }: OnBus) =>
    `${device} for ${since}: ${bus === undefined ? problemText(problem, type) : `${problem.code}, see bus ${bus}`}`,
  readingLine: ({ device, reading, problem, reason = '' }: ReadingTrouble) =>
    `${device}.${reading}: ${problem === undefined ? `suspect, ${REASONS[reason] ?? reason}` : problemText(problem)}`,
  busLine: (bus: string, problem: DeviceProblem, type: string) => `${bus}: ${problemText(problem, type)}`,
  skippedLine: (device: string, code: string) => `${device} (${code}: see \`barri check\`)`,
  notRunning: (folder: string) => `No gateway runs on ${folder}: this is what its journal holds.\n`,
  notAnswering: (folder: string, pid: number | undefined) =>
    `error[B109] a gateway runs on ${folder}${pid === undefined ? '' : ` (process ${pid})`} and does not answer\n   = ask again if it has just started; one that was stopped with a signal goes on with: kill -CONT ${pid ?? 'PROCESS'}\n   = else start it anew (sudo systemctl restart barri): what it kept is in the journal\n`,
  simulatedReadings: (folder: string) => `note: the readings in ${folder} are simulated\n`,
  keptSoFar: 'This is what its journal holds:\n',
  noJournal: (folder: string, absence: Absence, toldBy: ToldBy) =>
    `error[B103] no gateway runs on ${folder}, and ${ABSENCES[absence]}\n   = start one with \`barri run\`, or name its folder: --state FOLDER\n${
      toldBy === 'site' ? text.otherFolder : ''
    }`,
  otherFolder:
    '   = a gateway of another user has a folder of its own, and so has one that was started with --state: put `sudo -u USER` before the command, or name the folder: --state FOLDER\n',
  notSimulated: (readings: readonly string[]) => `note: no \`simulate:\` for ${readings.join(', ')}: shown as 0\n`,
  simulationOf: (file: string) => `Barri runs ${file} with simulated devices.\n`,
  simulationPlaces: ({
    folder,
    url,
    provider,
    token,
    broker,
    ownBroker,
  }: Simulation): readonly (readonly [string, readonly string[]])[] => [
    ['  journal', [`${folder}/journal (delete the folder to begin anew)`]],
    [
      '  city',
      [url === '' ? 'none: the site has no sentilo: block' : `${url}, a simulated Sentilo: provider ${provider}, token ${token}`],
    ],
    ...(broker === undefined
      ? []
      : [
          [
            '  broker',
            [ownBroker ?? `simulated, within this run: nobody else can connect to it, and nothing goes to ${broker}`],
          ] as const,
        ]),
    ['  stop', ['Ctrl-C']],
    ['  look', ['in another terminal:']],
  ],
  simulationCommands: ({ folder, url, provider, token, order }: Simulation) =>
    [
      ...(url === '' ? [] : [`curl -H "IDENTITY_KEY: ${token}" ${url}/data/${provider}`]),
      ...(order === undefined
        ? []
        : [
            `curl -X PUT -H "IDENTITY_KEY: ${order.token}" -d '${ORDER_SHOWN}' ${url}/order/${provider}/${order.sensor}`,
            `npm run -s barri -- outputs --state ${folder}`,
          ]),
      `npm run -s barri -- status --state ${folder}`,
    ]
      .map((line) => `    ${line}\n`)
      .join(''),
  simulatedSoFar: (ms: number, forMs: number) => `${timePassed(ms)} of ${timePassed(forMs)}`,
  simulated: ({
    virtualMs,
    realMs,
    observations,
    requests,
    eventCount,
    traceHash,
    seed,
    troubles,
    alarms,
    readings,
  }: Simulated) =>
    `${timePassed(virtualMs)} of simulated time in ${(realMs / 1000).toFixed(1)} s (seed ${seed})
city     ${count(observations, 'observation')} in ${count(requests, 'request')}
trace    ${count(eventCount, 'event')}
hash     ${traceHash}
${troubles.map(({ name, code, message, type }) => `wrong    ${name}: ${code === undefined ? message : problemText({ code, message }, type)}\n`).join('')}${readings.map((trouble) => `wrong    ${text.readingLine(trouble)}\n`).join('')}${alarms.map(({ name, message }) => `alarm    ${name}: ${message}\n`).join('')}`,
  moves: (all: number, shown: number) =>
    `\noutputs and rules: ${count(all, 'line')}${shown < all ? `, of which these are the last ${shown}` : ''}\n`,
  speedOfOneClock: (who: 'city' | 'broker', url: string) =>
    `error: the clock of the ${who} at ${url} runs as ever, and with --speed readings would have other times than it: leave --speed or --${who} out\n`,
  noBroker: (file: string) => `error: ${file} has no section \`mqtt:\`, so that nothing goes to a broker: leave --broker out\n`,
  brokerNotLocal: (url: string) =>
    `error[B149] simulated readings go to this machine only, not to ${url}\n   = start a broker here and name it: --broker mqtt://127.0.0.1:1883\n`,
  onlyWithFor: 'error: --start and --trace need --for: they belong to a run in simulated time\n',
  simulationEnded: (folder: string, lost: LostAtEnd | undefined) =>
    lost === undefined
      ? `\nStopped. Outputs are safe; the journal is in ${folder}/journal.\n`
      : `\nStopped. Outputs are safe.
${count(lost.count, 'record')} that ${lost.count === 1 ? 'was' : 'were'} kept in memory could not be written to ${folder} (${lost.errno}) and ${lost.count === 1 ? 'is' : 'are'} gone.
What the city has of them it keeps. Make room on the disk, or check the card, before the next start.\n`,
  moreReadingsShort: (readings: number) => `… ${readings} more: \`barri read\``,
  moreReadings: (readings: number) => `… ${count(readings, 'more reading')}: make the window higher, or use \`barri read\``,
  tooFewThreads: ({ found, wanted, busCount }: TooFewThreads) =>
    `warning[B131] ${count(found, 'thread')} ${found === 1 ? 'is' : 'are'} few for a site with ${count(busCount, 'bus', 'buses')} of this machine: a driver that hangs holds one for ever, and when all are held nothing is stored any more\n   = put UV_THREADPOOL_SIZE=${wanted} before the command; in a systemd unit: Environment=UV_THREADPOOL_SIZE=${wanted}\n`,
  gatewayStopped: 'The gateway has stopped.\n',
  outputsOnly: (devices: readonly string[]) =>
    `${devices.join(', ')} ${devices.length === 1 ? 'has' : 'have'} outputs only, and an output is no reading: \`barri outputs\` shows them.\n`,
  noDevices:
    'This site has no devices yet: `barri board list` shows the boards there are, `barri board show BOARD` the lines for one.\n',
  noReadings: 'No device of this site gives a reading: `barri check` says which do not run, and why.\n',
  readingDirectly: 'No gateway runs for this site: reading the devices directly.\n',
  stateFolderLocked: (folder: string) =>
    `error[B101] another gateway already runs on ${folder}\n   = stop it first (sudo systemctl stop barri), or give this one a folder of its own: --state FOLDER\n`,
  stateFolderUnusable: (folder: string, why: string, code: string) =>
    `error[B102] the state folder ${folder} cannot be used: ${why}\n   = ${FOLDER_REMEDIES[code] ?? 'make it writable for this user, or choose another one'}: --state FOLDER\n`,
} as const;

/** An order that ends by itself: whoever tries one leaves nothing on. */
const ORDER_SHOWN = JSON.stringify({ order: JSON.stringify({ set: 'on', for: '1min' }) });

/** What is wrong with what, beside single readings. */
export interface Trouble {
  /** A device, bus, output or alarm by its name in the site, or `city` or `broker`. */
  readonly name: string;
  /** Of a device or a bus. */
  readonly code?: string;
  readonly message: string;
  /** Of the bus that it is, or is on. */
  readonly type?: string | undefined;
}

/** Of the bus of a device: its id where it is the bus that is in trouble, and its type. */
interface OnBus {
  readonly bus?: string | undefined;
  readonly type?: string | undefined;
}

interface Simulated {
  readonly seed: number;
  readonly virtualMs: number;
  readonly realMs: number;
  readonly observations: number;
  readonly requests: number;
  readonly eventCount: number;
  readonly traceHash: string;
  /** What was wrong at the end. */
  readonly troubles: readonly Trouble[];
  /** Alarms that were open at the end. */
  readonly alarms: readonly Trouble[];
  readonly readings: readonly ReadingTrouble[];
}

interface Simulation {
  readonly folder: string;
  readonly url: string;
  readonly provider: string;
  readonly token: string;
  readonly order?: { readonly sensor: string; readonly token: string };
  /** The address of the site's broker, which is not used. */
  readonly broker?: string | undefined;
  /** The one on this machine that is used. */
  readonly ownBroker?: string | undefined;
}

/** As whom a command may do what this user may not. */
function asOwner(owner: Owner | undefined): string {
  if (owner?.isSelf === true) return `open it: chmod -R u+rX ${owner.path}`;
  if (owner === undefined || owner.uid === 0) return 'put `sudo` before the command';
  return `put \`sudo -u ${owner.name ?? `'#${owner.uid}'`}\` before the command, or \`sudo\``;
}

function ownerName({ name, uid }: Owner): string {
  return name ?? `the user ${uid}`;
}

/** How many records are missing at most. Of a slot that is gone nobody knows even that. */
export function atMost(records: number, isExact: boolean): string {
  if (isExact) return count(records, 'record');
  return records >= SEQUENCES_OF_A_SLOT ? 'an unknown number of records' : `up to ${count(records, 'record')}`;
}

const CITY_STATES: Readonly<Record<Exclude<UplinkState, 'starting'>, string>> = {
  ok: 'reachable',
  waiting: 'has asked for a pause, or has trouble of its own,',
  unreachable: 'not reachable',
  refused: 'refuses our readings',
};

/** What it means that a state of the journal cannot be read, by the end of its name. */
const BAD_STATES: Readonly<Record<string, string>> = {
  cursor: ': what waits is looked up in the city before it is sent',
  losses: ': what was lost last may be named by nothing',
  files: ': a file of the history that somebody has deleted may not be missed',
};

/** What is no file of the journal although it has the name of one. */
const FOREIGN: Readonly<Record<ForeignKind, string>> = {
  folder: 'a folder and no file of the journal',
  pipe: 'a pipe and no file of the journal',
  socket: 'a socket and no file of the journal',
  device: 'a device and no file of the journal',
  'too-large': 'too large for a file of the journal, and begins with nothing of one',
  'no-records': 'a file without a record that belongs there, as a copied or renamed one is',
};

/** What to do where a folder cannot be made or used, by what the operating system said. */
const FOLDER_REMEDIES: Readonly<Record<string, string>> = {
  ENOTDIR: 'it, or what it lies in, is a file and no folder: choose another one',
  ENOENT: 'no folder can be made there: choose another one',
  ENAMETOOLONG: 'choose one with a shorter name',
  ENOSPC: 'make room on the disk, or choose one on another disk',
  EDQUOT: 'make room on the disk, or choose one on another disk',
  EROFS: 'the disk is read-only: check the card, or choose a folder on another one',
};

const ABSENCES: Readonly<Record<Absence, string>> = {
  missing: 'there is no such folder',
  'no-folder': 'that is no folder',
  'no-journal': 'it holds no journal',
  empty: 'no file of a journal is in it',
};

const QUALITY: Readonly<Record<ReadingRow['quality'], string>> = {
  good: 'good',
  suspect: 'suspect',
  old: 'too old',
  none: 'no value yet',
};

const REASONS: Readonly<Record<string, string>> = {
  'at-least': 'pulses were missed, it may be more',
  'out-of-range': 'outside the valid range',
  fell: 'a total that fell: a bad sample, or a counter that begins anew or a new meter if it stays low',
  flat: 'the same for too long: the sensor hangs',
  jump: 'changed faster than allowed',
};

/** Why the clock is not believed. */
const CLOCK_DOUBTS: Readonly<Record<ClockDoubt, (time: string) => string>> = {
  'before-release': (time) => `the clock says ${time}, which cannot be: nothing is sent before it is set`,
  'too-late': (time) => `the clock says ${time}, which cannot be: nothing is sent before it is set`,
  behind: (time) => `the clock says ${time}, earlier than what was measured before: not believed`,
  stepped: (time) => `the clock jumped to ${time}: not believed yet`,
  'may-be-saved': (time) => `the clock says ${time}, perhaps from the last switching off: waits for a time server`,
};
