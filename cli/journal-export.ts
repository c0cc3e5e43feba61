import { type Command, Option } from 'commander';
import type { HistoryQuery, StoredRecord } from '../gateway/journal/journal.ts';
import { EXIT, exitOfOutput } from './exit-codes.ts';
import type { Io } from './io.ts';
import { collected, named, SITE_ARGUMENT } from './journal-arguments.ts';
import { FORMATS, type Format, openWriter, type RecordWriter } from './journal-formats.ts';
import { heldFilter } from './journal-held.ts';
import { liesIn, type Output, OutputError, openOutput } from './journal-output.ts';
import { errorOutput, openProgress } from './journal-progress.ts';
import { chooseSensors, type SensorChoice } from './journal-sensors.ts';
import { parseMoment, type TimeOf } from './journal-time.ts';
import { interruptible, type JournalView, withJournal } from './journal-view.ts';
import { text } from './messages/journal.ts';
import { say } from './say.ts';
import { stateOption } from './state-folder.ts';

interface ExportOptions {
  readonly state?: string;
  readonly from?: string;
  readonly to?: string;
  readonly sensor?: readonly string[];
  readonly format: Format;
  readonly out?: string;
}

/** Adds `barri journal export`. */
export function addExport(journal: Command, io: Io): void {
  journal
    .command('export')
    .description('Write the readings of some time and some sensors as CSV, JSON lines or CBOR.')
    .argument('[site]', SITE_ARGUMENT)
    .addOption(stateOption('state folder of the gateway, or a copy of a journal'))
    .option('--from <time>', 'the first moment: 2026-11-25, 2026-11-25T14:30+01:00, or how long ago: 2d')
    .option('--to <time>', 'the end, not included; a day is exported whole')
    .option('--sensor <id>', 'sensor id or <device>.<reading>; may be given several times', collected)
    .addOption(new Option('--format <format>', 'form of the output').choices([...FORMATS]).default('csv'))
    .option('--out <file>', 'file to write; one that is there is replaced (default: the standard output)', named)
    .addHelpText('after', text.exportHelp)
    .action(async (site: string | undefined, options: ExportOptions) => {
      const range = rangeOf(options, Date.now(), io);
      if (range === undefined) return;
      if (options.format === 'cbor' && options.out === undefined && io.isTerminal)
        return say(text.bytesToTerminal, io, EXIT.usage);
      await withJournal({ site, state: options.state }, io, (view) => exportTo(view, range, options, io));
    });
}

/** A range of time in milliseconds since 1970: from the first, without the second. */
interface Range {
  readonly fromMs?: number;
  readonly toMs?: number;
}

function rangeOf({ from, to }: ExportOptions, nowMs: number, io: Io): Range | undefined {
  const fromMs = from === undefined ? undefined : parseMoment(from, nowMs, 'from');
  const toMs = to === undefined ? undefined : parseMoment(to, nowMs, 'to');
  if (from !== undefined && fromMs === undefined) return say(text.noTime('--from', from), io, EXIT.usage);
  if (to !== undefined && toMs === undefined) return say(text.noTime('--to', to), io, EXIT.usage);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    return say(text.emptyRange(from ?? '', to ?? ''), io, EXIT.usage);
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
}

async function exportTo(view: JournalView, range: Range, options: ExportOptions, io: Io): Promise<void> {
  const { journal, config } = view;
  if (options.out !== undefined && (await liesIn(options.out, view.folder)))
    return say(text.outInJournal(options.out), io, EXIT.usage);
  const names = options.sensor ?? [];
  const choice = await chooseSensors(names, journal, config, () =>
    openProgress(text.lookingForSensors, journal.stats().recordCount, errorOutput(io.err)),
  );
  if ('unknown' in choice) return say(text.unknownSensor(choice.unknown, choice.near, choice.otherCount), io, EXIT.usage);
  const times = await view.times();
  const { timeOf } = times;
  const selection = select(range, choice, names.length > 0, timeOf);
  const writer = await openWriter(options.format, timeOf);
  await interruptible(io, async (signal) => {
    const isEver = range.fromMs === undefined && range.toMs === undefined;
    const query = queryOf(range, isEver ? 0 : await times.correctedMsMax(), choice);
    const isAll = names.length === 0 && isEver;
    const total = isAll ? journal.stats().recordCount : undefined;
    const written = await writeRecords(view, { query, selection, writer, total, out: options.out, signal }, io);
    if (written === undefined) return;
    if (selection.untimedCount() > 0) say(text.untimedLeftOut(selection.untimedCount()), io);
    const losses = await view.losses();
    if (losses.length > 0) say(text.damageSkipped(losses.length), io);
    const { count, otherCount } = written;
    if (count + otherCount === 0) say(text.nothingExported, io);
    if (options.out !== undefined) say(text.exported(count, options.out, options.format), io);
    if (otherCount > 0 && (options.out !== undefined || count === 0)) say(text.otherLeftOut(otherCount), io);
  });
}

/** The journal looks at the times in the stamps, so it is asked for more than is meant where those may be wrong. */
function queryOf({ fromMs, toMs }: Range, correctedMsMax: number, { sensors }: SensorChoice): HistoryQuery {
  return {
    ...(sensors === undefined ? {} : { sensors }),
    ...(fromMs === undefined ? {} : { fromWallMs: fromMs - correctedMsMax }),
    ...(toMs === undefined ? {} : { toWallMs: toMs + correctedMsMax }),
    withUntimed: true,
  };
}

/** Which of the records that the journal gives are meant. */
export interface Selection {
  takes(stored: StoredRecord): boolean;
  /** Records that may be meant, but nobody knows when they were. */
  untimedCount(): number;
}

function select({ fromMs, toMs }: Range, choice: SensorChoice, isBySensor: boolean, timeOf: TimeOf): Selection {
  let untimedCount = 0;
  const isRange = fromMs !== undefined || toMs !== undefined;
  return {
    takes({ record }) {
      if (record.kind === 'observation' ? !choice.includes(record) : isBySensor) return false;
      if (!isRange) return true;
      const time = timeOf(record);
      if ('wallMs' in time) return time.wallMs >= (fromMs ?? -Infinity) && time.wallMs < (toMs ?? Infinity);
      untimedCount += 1;
      return false;
    },
    untimedCount: () => untimedCount,
  };
}

/** Everything that one run of writing needs. */
export interface Writing {
  readonly query: HistoryQuery;
  readonly selection: Pick<Selection, 'takes'>;
  readonly writer: RecordWriter;
  /** Records that will be looked at, if known. */
  readonly total: number | undefined;
  /** File, or the standard output. */
  readonly out: string | undefined;
  readonly signal: AbortSignal;
  /** Also the later copies of a record that was appended again. */
  readonly withCopies?: boolean;
}

/** How many records were written, and how many were selected besides that have no place in the form. */
interface Written {
  readonly count: number;
  readonly otherCount: number;
}

/**
 * Writes what is selected, block by block. Undefined when that was not possible (said, with
 * the exit code set) or was interrupted: then no half-written file is left. No file is made for nothing. Undefined too when the reader went away before
 * the end (`… | head`), which is nothing to tell: how many records it took nobody knows.
 */
export async function writeRecords(view: JournalView, writing: Writing, io: Io): Promise<Written | undefined> {
  const { writer, out, total, signal } = writing;
  const { journal } = view;
  const progress = openProgress(text.exporting, total, out === undefined ? silent() : errorOutput(io.err));
  let output: Output | undefined;
  try {
    output = await openOutput(out, io);
    const isOriginal = writing.withCopies === true ? async () => true : heldFilter(journal);
    let looked = 0;
    let writtenCount = 0;
    let otherCount = 0;
    let isWanted = await output.write(writer.head);
    for await (const records of journal.history(writing.query)) {
      if (!isWanted || signal.aborted) break;
      const chosen: StoredRecord[] = [];
      for (const stored of records) {
        if (writing.selection.takes(stored) && (await isOriginal(stored))) chosen.push(stored);
      }
      const { bytes, count } = writer.write(chosen);
      if (count > 0) isWanted = await output.write(bytes);
      writtenCount += count;
      otherCount += chosen.length - count;
      looked += records.length;
      progress.to(looked);
    }
    progress.end();
    if (signal.aborted) {
      await output.discard();
      return undefined;
    }
    // A file that is there is worth more than an empty one.
    const isEmpty = out !== undefined && isWanted && writtenCount === 0;
    if (isEmpty) await output.discard();
    return isEmpty || (await output.finish()) ? { count: writtenCount, otherCount } : undefined;
  } catch (error) {
    progress.end();
    await output?.discard();
    if (!(error instanceof OutputError)) throw error;
    return say(text.outputFailed(error.code, error.path), io, exitOfOutput(error.code));
  }
}

function silent() {
  return { write: () => {}, isTerminal: false, nowMs: () => 0 };
}
