import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { JournalStats } from '../gateway/journal/journal.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { SITE_ARGUMENT } from './journal-arguments.ts';
import { type JournalView, withJournal } from './journal-view.ts';
import { text } from './messages/journal.ts';
import { text as live } from './messages/live.ts';
import { say } from './say.ts';
import { sizeText } from './size-text.ts';
import { stateOption } from './state-folder.ts';
import { labelled } from './table.ts';

const DAY_MS = 86_400_000;
const YEAR_DAYS = 365.25;
/** A shorter measurement says little about a day. */
const ROUGH_MS = 3_600_000;
/** The card that the sentence about years is about: its size, and how often it can be written full. */
const CARD_BYTES = 32_000_000_000;
const CARD_OVERWRITES = 1_000;
/** The longest `buffer.sync`. */
const SYNC_MS_MAX = 60_000;

interface WearOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** What a person asked for. */
interface Asked extends WearOptions {
  readonly site: string | undefined;
}

/** What a gateway costs its card, from what it counted. */
export interface Wear {
  readonly forMs: number;
  readonly writtenBytes: number;
  readonly syncCount: number;
  readonly bytesPerDay: number;
  readonly syncsPerDay: number;
  /** Less than an hour was measured. */
  readonly isRough: boolean;
  /** Until a card of `cardBytes` was written full `cardOverwrites` times, if it wrote no more than it is told. */
  readonly cardYears: number;
  readonly cardBytes: number;
  readonly cardOverwrites: number;
  /** Of the site file, when it was read. */
  readonly syncMs?: number;
}

/** Adds `barri journal wear`. */
export function addWear(journal: Command, io: Io): void {
  journal
    .command('wear')
    .description('Measure what the journal costs the card: bytes and syncs a day, from the gateway that runs.')
    .argument('[site]', SITE_ARGUMENT)
    .addOption(stateOption('state folder of the gateway'))
    .option('--json', 'print JSON')
    .addHelpText('after', text.wearHelp)
    .action((site: string | undefined, options: WearOptions) =>
      withJournal({ site, state: options.state }, io, async (view) => showWear(view, { ...options, site }, io)),
    );
}

function showWear({ running, unanswering, config, journal, folder }: JournalView, options: Asked, io: Io): void {
  // A gateway of an earlier release does not count.
  const counted = running?.stored.wear as JournalStats['wear'] | undefined;
  if (counted === undefined) {
    const { recordCount, sizeBytes } = journal.stats();
    const state = unanswering === undefined ? { running: false } : { running: true, answering: false, ...unanswering };
    if (options.json === true) io.out(`${JSON.stringify({ ...state, recordCount, sizeBytes })}\n`);
    const message =
      unanswering === undefined
        ? text.wearUnknown({ folder, records: recordCount, size: sizeText(sizeBytes), again: commandOf(options) })
        : live.notAnswering(dirname(folder), unanswering.pid) + text.wearUnanswered(recordCount, sizeText(sizeBytes));
    say(message, io, EXIT.problems);
    return;
  }
  const wear = wearOf(counted, config?.buffer.syncMs);
  const slots = journal.stats().files.filter(({ kind }) => kind === 'slot');
  const slotBytes = slots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  io.out(options.json === true ? `${JSON.stringify({ running: true, ...wear })}\n` : renderWear(wear, slotBytes, io.columns));
}

/** The same command line once more. */
function commandOf({ site, state }: Asked): string {
  const words = [
    'barri',
    'journal',
    'wear',
    ...(site === undefined ? [] : [site]),
    ...(state === undefined ? [] : ['--state', state]),
  ];
  return words.map((word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}

/** What the counts of one process make of a day. */
export function wearOf({ writtenBytes, syncCount, forMs }: JournalStats['wear'], syncMs?: number): Wear {
  const days = Math.max(forMs, 1) / DAY_MS;
  const bytesPerDay = writtenBytes / days;
  return {
    forMs,
    writtenBytes,
    syncCount,
    bytesPerDay: Math.round(bytesPerDay),
    syncsPerDay: Math.round(syncCount / days),
    isRough: forMs < ROUGH_MS,
    cardYears: bytesPerDay === 0 ? Number.MAX_SAFE_INTEGER : (CARD_BYTES * CARD_OVERWRITES) / bytesPerDay / YEAR_DAYS,
    cardBytes: CARD_BYTES,
    cardOverwrites: CARD_OVERWRITES,
    ...(syncMs === undefined ? {} : { syncMs }),
  };
}

function renderWear(wear: Wear, slotBytes: number, columns: number): string {
  const labels = text.wearLabels;
  return labelled(
    [
      [labels.measured, [text.wearMeasured(wear)]],
      // What a start costs once would count for every hour of the day.
      [labels.day, [wear.isRough ? text.wearRough(wear, slotBytes) : text.wearDay(wear)]],
      [labels.card, wear.isRough ? [] : [text.wearCard(wear)]],
      [labels.knob, [text.wearKnob(wear, Math.round(DAY_MS / SYNC_MS_MAX))]],
    ],
    { columns },
  );
}
