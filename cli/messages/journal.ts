import type { Damage, JournalFileStats, SequenceRange } from '../../gateway/journal/journal.ts';
import type { Absence, ToldBy } from '../journal-find.ts';
import type { Format } from '../journal-formats.ts';
import { sizeText } from '../size-text.ts';
import { text as broker } from './broker.ts';
import { count } from './count.ts';
import { atMost, text as live } from './live.ts';
import { noSiteFile } from './no-site-file.ts';
import { outputFailed } from './output.ts';

/** Texts of the commands that look into a journal. English; other languages take the same keys. Times are UTC. */
export const text = {
  // ------------------------------------------------------------------------------------------------------------- general
  help: `
All of them only read: they work beside a running gateway and change nothing.
What a gateway writes while they look may be missing from what they show.

Examples:
  barri journal inspect
  barri journal export --from 7d --format csv --out week.csv`,
  running: 'A gateway is running on this journal: what it writes from now on may be missing here.\n',
  noJournal: (folder: string, absence: Absence, toldBy: ToldBy) =>
    `error[B120] ${ABSENCES[absence](folder)}\n${NO_JOURNAL_REMEDIES[toldBy]}`,
  noSiteNamed: (file: string) => `${noSiteFile(file)}   = or name the state folder that its gateway writes to: --state FOLDER\n`,
  folderForSite: (folder: string) =>
    `error[B129] ${folder} is a folder and no site file\n   = if a gateway writes to it, or a copy of its journal is in it: --state ${folder}\n   = if the site file is in it, name that file\n`,
  unreadable: (folder: string, why: string) =>
    `error[B121] the journal in ${folder} cannot be read: ${why}\n   = check the card and its cable; copy the folder to another disk (\`cp -a\`) and look at the copy\n`,
  forbidden: live.folderForbidden,
  progress: ({ what, count: records, total, part, leftMs }: ProgressTexts) => {
    if (total === undefined || part === undefined) return `${what}: ${count(records, 'record')}`;
    const left = leftMs === undefined ? '' : `, ${live.duration(leftMs)} left`;
    return `${what}: ${Math.floor(part * 100)} %, ${number(records)} of ${count(total, 'record')}${left}`;
  },
  number,

  // ------------------------------------------------------------------------------------------------------------- inspect
  inspectHelp: `
Times are UTC. Dropped and thinned readings are counted by the gateway since its
start: they are shown while one runs. --json has all gaps and ranges; the
picture shows the newest gaps and the first ranges.

Exit code 0 when nothing is lost, 1 when something is damaged or missing.

Examples:
  barri journal inspect
  barri journal inspect --state /media/card/var/lib/barri`,
  labels: {
    journal: 'Journal',
    holds: 'Holds',
    city: 'City',
    broker: broker.label,
    since: 'Dropped',
    damage: 'Damage',
    missing: 'Missing',
  },
  counting: live.counting,
  holds: ({ recordCount, size, sizeMax, firstSequence, lastSequence, from, to }: HoldsTexts) => {
    const times = from === '' ? '' : `, measured from ${from} to ${to} UTC`;
    const sequences = recordCount === 0 ? '' : `, sequences ${number(firstSequence)} to ${number(lastSequence)}`;
    return `${count(recordCount, 'record')} in ${size}${sizeMax === undefined ? '' : ` of ${sizeMax}`}${sequences}${times}`;
  },
  noUplink: 'no uplink has delivered anything from it',
  uplinkWaiting: (uplink: string, waiting: number, since: string) =>
    waiting === 0
      ? `${uplink}: nothing waits`
      : `${uplink}: ${count(waiting, 'reading')} ${waiting === 1 ? 'waits' : 'wait'}${since === '' ? '' : `, the oldest of ${since} UTC`}`,
  uplinkDelivered: (lowWater: number, ranges: readonly SequenceRange[], more: number) => {
    const below = lowWater === 0 ? 'nothing delivered from the beginning on' : `delivered: all up to ${number(lowWater)}`;
    const above = ranges.map(({ first, last }) => (first === last ? number(first) : `${number(first)} to ${number(last)}`));
    return [below, ...above, ...(more === 0 ? [] : [`and ${count(more, 'more range')}`])].join('; ');
  },
  cursorMissing: (uplink: string) =>
    `${uplink}.cursor is not there: how far the delivery went is what the records themselves tell, delivered or gone`,
  uplinkUnresolved: (records: number, isRunning: boolean) => {
    if (isRunning) return `${count(records, 'reading')} ${records === 1 ? 'is' : 'are'} being sent`;
    return `${count(records, 'reading')} ${records === 1 ? 'was' : 'were'} being sent: looked up in the city before anything is sent again`;
  },
  thinnedAndDropped: (thinned: number, dropped: number) =>
    thinned + dropped === 0
      ? 'nothing since the gateway started'
      : `since the gateway started, because the journal is full: ${count(dropped, 'undelivered reading')} dropped, ${number(thinned)} merged into windows of five minutes`,
  failing: (code: string, waiting: number, max: number) =>
    `the disk refuses writes (${code}): ${number(waiting)} of at most ${count(max, 'record')} kept in memory`,
  noDamage: 'none found at opening (`barri journal verify` reads everything)',
  nothingMissing: 'nothing that is known of',
  missingOfDamage: 'what the damage cost: `barri journal verify` says when, whose and how much',
  loss: ({ cause, count: records, isExact, sensors, otherSensors, from, to }: LossTexts) => {
    const when =
      from === ''
        ? to === ''
          ? 'at an unknown time'
          : `before ${to} UTC`
        : to === ''
          ? `after ${from} UTC`
          : `${from} to ${to} UTC`;
    const names = [...sensors, ...(otherSensors === 0 ? [] : [`${number(otherSensors)} more`])].join(', ');
    // What was dropped was known to whoever dropped it; of damage only what stands around it tells.
    const isKnown = isExact && DROPPED.has(cause);
    const whose = names === '' ? '' : isKnown ? ` of ${names}` : `, around them ${names}`;
    return `${when}: ${atMost(records, isExact)}${whose} (${CAUSES[cause] ?? cause})`;
  },
  perSensor: (sensor: string, from: string, to: string) =>
    `${sensor}: between ${from === '' ? 'the beginning' : `${from} UTC`} and ${to === '' ? 'the end' : `${to} UTC`}`,
  moreGaps: (gaps: number) => `and ${count(gaps, 'earlier gap')}: --json has all`,
  noFiles: 'No files yet.',
  emptyFile: 'empty',
  freeSlots: (slots: number) => count(slots, 'free slot'),
  fileHeader: [
    ['FILE', 'KIND', 'SIZE', 'FROM (UTC)'],
    ['  SEQUENCES', '', 'RECORDS', 'TO'],
  ],
  fileKind: ({ kind, recordClass }: JournalFileStats) => recordClass ?? KINDS[kind],
  fileNote: ({ isThinned }: JournalFileStats) => (isThinned === true ? 'thinned' : ''),
  sequences: (first: number, last: number) => `  ${number(first)} to ${number(last)}`,

  // -------------------------------------------------------------------------------------------------------------- verify
  verifyHelp: `
Exit code 0 when every record is right, 1 when something is damaged. What a
power cut left half-written at the end is no damage: nobody was promised it.
Beside a running gateway a damaged place is looked at twice, because what the
gateway recycles or drops meanwhile is no damage either.

Examples:
  barri journal verify
  barri journal verify --state /media/card/var/lib/barri --json`,
  verifying: 'verifying',
  verified: (folder: string, records: number, files: number) =>
    `${count(records, 'record')} of ${count(files, 'file')} read in ${folder}`,
  allWell: 'Every one is right.',
  unread: (records: number) =>
    `${count(records, 'record')} that the files promise did not come back: look again, and report it if it stays so.`,
  gapsOnRecord: (gaps: number) => `${count(gaps, 'gap')} on record from before: \`barri journal inspect\` shows them.`,
  damage: ({ file, offset, sizeBytes, kind, missing, holds, what: found }: Damage) => {
    if (found !== undefined) return live.foreign(file, found, offset);
    if (kind === 'other-version') return `${file}: written by a later version, left alone`;
    if (kind === 'gone') return live.gone(file, offset);
    const place = `${file}, ${count(sizeBytes, 'byte')} from ${number(offset)} on`;
    const what = kind === 'unreadable' ? 'the disk gives an error' : 'damaged';
    if (holds !== undefined)
      return `${place}: ${what}; up to ${count(holds.last - holds.first + 1, 'record')} may still be in it`;
    if (missing !== undefined) return `${place}: ${what}`;
    return `${place}: ${what}; ${kind === 'unreadable' ? 'what it held is not known' : 'no record is missing'}`;
  },

  // -------------------------------------------------------------------------------------------------------------- export
  exportHelp: `
Times are UTC unless they have a zone: 2026-11-25, 2026-11-25T14:30:05,
2026-11-25T14:30+01:00, 2026-11-25+01:00 for a day of that zone, or how long
ago: 2d, 12h30min. --from is included, --to is not, but a day in --to is
exported whole.

csv     readings only, RFC 4180 with a header line; numbers with a dot and all
        digits. A text that a spreadsheet would take for a formula gets an
        apostrophe before it.
jsonl   one JSON object a line: every kind of record, with all its fields
cbor    the same as a CBOR sequence of maps (RFC 8742)

The file gets its name when it is whole, in the place of one that is there.
When nothing matches, no file is written.

Each sensor comes in the order of measuring, but sensors come in blocks: sort by
time where that matters. A reading from before the clock was set has the time
that was found out later; while nobody knows it, the column \`time_unknown\` says
why, and with --from or --to it is left out and counted. \`readings\` above 1: the
journal was full, and this is the mean, the last value or the sum of so many.

Examples:
  barri journal export --from 7d --out week.csv
  barri journal export --sensor hall.temperature --from 2d --format jsonl`,
  exporting: 'exporting',
  lookingForSensors: 'looking for the sensors',
  noTime: (option: string, written: string) =>
    `error[B122] ${option} ${written} is no time\n   = write a day or a time (2026-11-25, 2026-11-25T14:30, 2026-11-25T14:30+01:00; UTC without a zone) or how long ago (2d, 12h)\n`,
  emptyRange: (from: string, to: string) =>
    `error[B123] there is no time between --from ${from} and --to ${to}\n   = --from is the earlier one; how long ago counts back from now: --from 7d --to 2d\n`,
  unknownSensor: (name: string, near: readonly string[], others: number) =>
    `error[B124] neither the site nor the journal knows the sensor ${name}\n   = ${
      near.length === 0
        ? 'the journal holds no readings'
        : `there is: ${near.join(', ')}${others === 0 ? '' : `, and ${number(others)} more`}`
    }\n   = give a sensor id, or <device>.<reading> as in the site file\n`,
  bytesToTerminal:
    'error[B125] CBOR is bytes and no text for a terminal\n   = give a file: --out readings.cbor, or send it to another program\n',
  outInJournal: (out: string) =>
    `error[B126] ${out} lies in the journal's folder, where nothing is written\n   = choose a file elsewhere: --out FILE\n`,
  outputFailed,
  untimedLeftOut: (records: number) =>
    `${count(records, 'record')} without a known time left out: without --from and --to they are exported too.\n`,
  damageSkipped: (places: number) =>
    `note: ${count(places, 'damaged place')} in the journal: what stood there may be missing. See \`barri journal verify\`.\n`,
  exported: (records: number, path: string, format: Format) =>
    records === 0
      ? `No ${format === 'csv' ? 'reading' : 'record'} was written to ${path}.\n`
      : `${count(records, format === 'csv' ? 'reading' : 'record')} written to ${path}\n`,
  otherLeftOut: (records: number) =>
    `${count(records, 'other record')} left out (events, time anchors, gaps): CSV holds readings only, --format jsonl all of them.\n`,
  nothingExported: 'Nothing in the journal matches: `barri journal inspect` shows which times it holds.\n',

  // ------------------------------------------------------------------------------------------------------------- salvage
  salvageHelp: `
Work on a copy of the card. Not a byte of the damaged folder is changed, and the
records go into one file, not into a new journal: there they would get new
sequences, the delivery state would no longer fit, and a gateway on it would
send to the city again what the city has. Each record in the file has its old
sequence and all its fields. Later copies of a reading that the city refused for
now are among them (\`heldFrom\`).

Exit code 0 when nothing is lost, 1 when something is.

Examples:
  barri journal salvage /media/card/var/lib/barri --out saved.jsonl
  barri journal salvage copy-of-journal --format cbor --out saved.cbor`,
  salvaged: (records: number, folder: string, out: string) =>
    records === 0
      ? `No record of ${folder} can be read: nothing was written to ${out}.`
      : `${count(records, 'record')} of ${folder} saved in ${out}`,
  nothingLost: 'Nothing is lost.',
  damageNow: 'Damaged now:',
  lostBefore: 'Lost before, as the journal itself has it on record:',

  // ---------------------------------------------------------------------------------------------------------------- wear
  wearHelp: `
The figures are those of the gateway that runs, counted since its start: what it
handed to the disk, and how often it waited until that was durable. After a day
they are worth most.

Exit code 1 when no gateway runs, or when it does not answer: then nothing can
be measured.

Examples:
  barri journal wear
  barri journal wear school.gateway.yaml --json`,
  wearUnanswered: (records: number, size: string) =>
    `What it has counted cannot be asked for. Its files hold ${count(records, 'record')} in ${size}, which is what they take, not what was written.\n`,
  wearUnknown: ({ folder, records, size, again }: WearUnknownTexts) =>
    `No gateway runs on ${folder}, so nothing can be measured: files that are written over and over do not tell how often.
They hold ${count(records, 'record')} in ${size}, which is what they take, not what was written.
   = start the gateway, let it run for some hours, and ask again: \`${again}\`\n`,
  wearLabels: { measured: 'Measured', day: 'A day', card: 'Card', knob: 'Knob' },
  wearMeasured: ({ forMs, writtenBytes, syncCount }: WearTexts) =>
    `${sizeText(writtenBytes)} and ${count(syncCount, 'sync')} in ${live.duration(forMs)}`,
  wearRough: ({ writtenBytes }: WearTexts, slotBytes: number) => {
    const making = writtenBytes < slotBytes ? '' : `: making its slots alone costs ${sizeText(slotBytes)}, once`;
    return `too little was measured to tell${making}. Ask again after an hour or more.`;
  },
  wearDay: ({ bytesPerDay, syncsPerDay }: WearTexts) => `${sizeText(bytesPerDay)} and ${count(syncsPerDay, 'sync')}`,
  wearCard: ({ cardYears, cardBytes, cardOverwrites }: WearTexts) =>
    `${years(cardYears)} until a card of ${sizeText(cardBytes)} was written full ${number(cardOverwrites)} times, if it wrote no more than it is told. It writes more, because it erases whole blocks; how much, nobody can see from here. At ten times as much it is ${years(cardYears / 10)}. What the system writes beside the journal comes on top.`,
  wearKnob: ({ syncMs, bytesPerDay, syncsPerDay, isRough }: WearTexts, fewest: number) => {
    const now = syncMs === undefined ? '' : `, is ${live.duration(syncMs)} in the site file`;
    const average =
      isRough || syncsPerDay === 0
        ? ''
        : ` instead of ${number(syncsPerDay)}, now of ${sizeText(bytesPerDay / syncsPerDay)} each`;
    return `\`buffer: { sync: … }\`, from 1s to 60s${now}. With 60s there are about ${count(fewest, 'sync')} of records a day${average}; each writes a page of 4 KiB or more. The price: a power cut takes what was measured within that time. Alarms and orders never wait.`;
  },
} as const;

interface ProgressTexts {
  readonly what: string;
  readonly count: number;
  readonly total: number | undefined;
  /** From 0 to 1. */
  readonly part: number | undefined;
  readonly leftMs: number | undefined;
}

interface HoldsTexts {
  readonly recordCount: number;
  readonly size: string;
  readonly sizeMax: string | undefined;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly from: string;
  readonly to: string;
}

interface LossTexts {
  readonly cause: string;
  readonly count: number;
  readonly isExact: boolean;
  readonly sensors: readonly string[];
  readonly otherSensors: number;
  readonly from: string;
  readonly to: string;
}

interface WearUnknownTexts {
  readonly folder: string;
  readonly records: number;
  readonly size: string;
  /** The command line to ask with again. */
  readonly again: string;
}

interface WearTexts {
  readonly forMs: number;
  readonly writtenBytes: number;
  readonly syncCount: number;
  readonly bytesPerDay: number;
  readonly syncsPerDay: number;
  readonly cardYears: number;
  readonly cardBytes: number;
  readonly cardOverwrites: number;
  readonly isRough: boolean;
  readonly syncMs?: number;
}

const KINDS: Readonly<Record<JournalFileStats['kind'], string>> = { slot: 'slot', block: 'block' };

/** Why records are missing, by the cause of a gap record or the kind of damage. */
const CAUSES: Readonly<Record<string, string>> = {
  damaged: 'damaged bytes',
  unreadable: 'the disk gives an error',
  gone: 'not there',
  'size-cap': 'the journal was full',
  'disk-full': 'the disk was full',
  'waiting-full': 'the disk refused writes and the memory for them was full',
};

const ABSENCES: Readonly<Record<Absence, (folder: string) => string>> = {
  missing: (folder) => `there is no folder ${folder}`,
  'no-folder': (folder) => `${folder} is no folder`,
  'no-journal': (folder) => `there is no journal in ${folder}`,
  empty: (folder) => `there is no file of a journal in ${folder}/journal`,
};

/** Causes of a loss whose records were still there when it was put on record. */
const DROPPED: ReadonlySet<string> = new Set(['size-cap', 'disk-full', 'waiting-full']);

/** What to do where there is no journal, by how its folder was told. */
const NO_JOURNAL_REMEDIES: Readonly<Record<ToldBy, string>> = {
  state:
    '   = name the state folder that a gateway writes to, or a copy of its journal: --state FOLDER\n   = which folder that is without --state, `barri run --help` and `barri sim run --help` say\n',
  site: `   = if this site has kept nothing yet: \`barri run\` begins it\n${live.otherFolder}`,
  argument:
    '   = name the state folder that a gateway wrote to, or a copy of its journal: barri journal salvage FOLDER --out FILE\n',
};

function number(value: number): string {
  return value.toLocaleString('en');
}

function years(value: number): string {
  if (value > 100) return 'more than 100 years';
  if (value < 1) return count(Math.round(value * 12), 'month');
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} years`;
}
