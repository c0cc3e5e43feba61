import type { Damage, JournalFileStats, JournalStats, SequenceRange } from '../gateway/journal/journal.ts';
import type { Loss } from './journal-losses.ts';
import { minuteText, secondText } from './journal-time.ts';
import { text } from './messages/journal.ts';
import { text as live } from './messages/live.ts';
import { damageAdvice } from './render-status.ts';
import { sizeText } from './size-text.ts';
import { labelled, tableLines } from './table.ts';

/** Delivered ranges, gaps and damaged places that are shown; JSON has all of them. */
const RANGES_SHOWN = 4;
const GAPS_SHOWN = 10;
const DAMAGE_SHOWN = 10;
const SENSORS_SHOWN = 3;
/** The uplink to the broker of `mqtt:`. */
const BROKER = 'mqtt';
/** In the place of a time that no file has noted: slots have none of their own. */
const UNKNOWN = '-';

/** What one uplink has of a journal. */
export interface UplinkView {
  readonly uplink: string;
  readonly waitingCount: number;
  readonly oldestWaitingWallMs?: number;
  readonly lowWater: number;
  /** Delivered ranges above the low-water mark. */
  readonly delivered: readonly SequenceRange[];
  /** Being sent; by a gateway that has ended since: looked up in the city before anything is sent again. */
  readonly unresolvedCount: number;
  /** Its cursor is not there: what is shown is what the commits and the history tell, which is less. */
  readonly isCursorMissing?: boolean;
}

/** Everything that `barri journal inspect` shows. */
export interface Inspection {
  readonly folder: string;
  readonly isRunning: boolean;
  readonly isSimulated: boolean;
  readonly recordCount: number;
  readonly sizeBytes: number;
  /** Only a running gateway knows its limit. */
  readonly sizeBytesMax?: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** When its oldest and its newest readings were, as far as known. */
  readonly fromWallMs?: number;
  readonly toWallMs?: number;
  readonly files: readonly JournalFileStats[];
  readonly uplinks: readonly UplinkView[];
  readonly damage: readonly Damage[];
  /** What is known to be missing. */
  readonly gaps: readonly Loss[];
  /** Since the start of the gateway that runs. */
  readonly sinceStart?: Pick<JournalStats, 'thinnedCount' | 'evictedUndeliveredCount' | 'overwrittenCount' | 'failing'>;
}

/** The picture of `barri journal inspect`, for a terminal of so many columns (80 are enough). */
export function renderInspection(inspection: Inspection, columns: number): string {
  const { labels } = text;
  const linesOf = (isMeant: (view: UplinkView) => boolean) =>
    inspection.uplinks.filter(isMeant).flatMap((view) => uplinkLines(view, inspection));
  const blocks: [string, string[]][] = [
    [labels.journal, [inspection.folder]],
    [labels.holds, [holdsLine(inspection)]],
    [labels.city, inspection.uplinks.length === 0 ? [text.noUplink] : linesOf(({ uplink }) => uplink !== BROKER)],
    [labels.broker, linesOf(({ uplink }) => uplink === BROKER)],
    [labels.since, sinceStartLines(inspection)],
    [labels.damage, damageLines(inspection.damage)],
    [labels.missing, missingLines(inspection)],
  ];
  return `${labelled(blocks, { columns })}\n${fileLines(inspection.files, columns).join('\n')}\n`;
}

/** What is missing, a line for each loss on record: when, whose, how many, why. */
function missingLines({ gaps, damage }: Pick<Inspection, 'gaps' | 'damage'>): string[] {
  const ofDamage = damage.some(({ missing }) => missing !== undefined) ? [text.missingOfDamage] : [];
  return [...ofDamage, ...(gaps.length === 0 && ofDamage.length === 0 ? [text.nothingMissing] : gapLines(gaps))];
}

function gapLines(gaps: readonly Loss[]): string[] {
  const newest = [...gaps].reverse().slice(0, GAPS_SHOWN);
  const lines = newest.map((loss) => lossLine(loss));
  return gaps.length > GAPS_SHOWN ? [...lines, text.moreGaps(gaps.length - GAPS_SHOWN)] : lines;
}

/** One loss as a sentence; `sensorsMax` of its sensors are named. */
export function lossLine(loss: Loss, sensorsMax = SENSORS_SHOWN): string {
  const { cause, count, isExact, sensors, fromWallMs, toWallMs } = loss;
  const shown = sensors.slice(0, sensorsMax);
  return text.loss({
    cause,
    count,
    isExact,
    sensors: shown,
    otherSensors: sensors.length - shown.length,
    from: secondText(fromWallMs),
    to: secondText(toWallMs),
  });
}

/** Who may lack readings because of a loss, a line for each sensor. */
export function sensorLines({ perSensor = [] }: Loss): string[] {
  return perSensor.map(({ sensor, fromWallMs, toWallMs }) =>
    text.perSensor(sensor, secondText(fromWallMs), secondText(toWallMs)),
  );
}

function holdsLine(inspection: Inspection): string {
  const { recordCount, sizeBytes, sizeBytesMax, firstSequence, lastSequence, fromWallMs, toWallMs } = inspection;
  return text.holds({
    recordCount,
    size: sizeText(sizeBytes),
    sizeMax: sizeBytesMax === undefined ? undefined : sizeText(sizeBytesMax),
    firstSequence,
    lastSequence,
    from: minuteText(fromWallMs),
    to: minuteText(toWallMs),
  });
}

function uplinkLines(view: UplinkView, { isRunning, lastSequence }: Inspection): string[] {
  const { uplink, waitingCount, oldestWaitingWallMs, lowWater, delivered, unresolvedCount, isCursorMissing = false } = view;
  // Sequences above the last record were passed by, or their records are gone: nobody can look for them here.
  const there = delivered.filter(({ first }) => first <= lastSequence);
  const shown = there.slice(0, RANGES_SHOWN).map(({ first, last }) => ({ first, last: Math.min(last, lastSequence) }));
  return [
    text.uplinkWaiting(uplink, waitingCount, secondText(oldestWaitingWallMs)),
    ...(lastSequence === 0 ? [] : [text.uplinkDelivered(Math.min(lowWater, lastSequence), shown, there.length - shown.length)]),
    ...(isCursorMissing ? [text.cursorMissing(uplink)] : []),
    ...(unresolvedCount === 0 ? [] : [text.uplinkUnresolved(unresolvedCount, isRunning)]),
  ];
}

function sinceStartLines({ sinceStart }: Inspection): string[] {
  if (sinceStart === undefined) return [];
  const { thinnedCount, evictedUndeliveredCount, overwrittenCount, failing } = sinceStart;
  return [
    ...(overwrittenCount > 0 ? [live.overwritten(overwrittenCount)] : []),
    ...(overwrittenCount > 0 && thinnedCount + evictedUndeliveredCount === 0
      ? []
      : [text.thinnedAndDropped(thinnedCount, evictedUndeliveredCount)]),
    ...(failing === undefined ? [] : [text.failing(failing.code, failing.waitingCount, failing.waitingMax)]),
  ];
}

/** Two lines a file, so that name, sequences and times fit into 80 columns. Slots without records are one line together. */
function fileLines(files: readonly JournalFileStats[], columns: number): string[] {
  if (files.length === 0) return [text.noFiles];
  const free = files.filter(({ kind, recordCount }) => kind === 'slot' && recordCount === 0);
  const rows = files
    .filter((file) => !free.includes(file))
    .flatMap((file) => {
      const { sizeBytes, recordCount, firstSequence, lastSequence, fromWallMs, toWallMs } = file;
      if (recordCount === 0) return [[file.file, text.fileKind(file), sizeText(sizeBytes), text.emptyFile]];
      const first = [file.file, text.fileKind(file), sizeText(sizeBytes), minuteText(fromWallMs) || UNKNOWN];
      return [
        first,
        [
          text.sequences(firstSequence, lastSequence),
          text.fileNote(file),
          text.number(recordCount),
          minuteText(toWallMs) || UNKNOWN,
        ],
      ];
    });
  const freeBytes = free.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const freeRows = free.length === 0 ? [] : [[text.freeSlots(free.length), 'slot', sizeText(freeBytes), text.emptyFile]];
  return tableLines([...text.fileHeader, ...rows, ...freeRows], new Set([2]), columns);
}

function damageLines(damage: readonly Damage[]): string[] {
  if (damage.length === 0) return [text.noDamage];
  const shown = damage.slice(0, DAMAGE_SHOWN);
  const more = damage.length > shown.length ? [live.moreDamage(damage.length - shown.length)] : [];
  return [...shown.map(text.damage), ...more, ...damageAdvice(damage)];
}
