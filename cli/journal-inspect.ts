import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Delivery, JournalFileStats, JournalStats, SequenceRange } from '../gateway/journal/journal.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { SITE_ARGUMENT } from './journal-arguments.ts';
import { gapsOf, lossOfGap } from './journal-losses.ts';
import { errorOutput, openProgress } from './journal-progress.ts';
import { type Inspection, renderInspection, type UplinkView } from './journal-render.ts';
import { spanOf } from './journal-span.ts';
import { type JournalView, withJournal } from './journal-view.ts';
import { countWaiting } from './journal-waiting.ts';
import { text } from './messages/journal.ts';
import { stateOption } from './state-folder.ts';

/** The uplink that a gateway of this version has. */
const CITY = 'sentilo';

/** What waits is counted here up to so many records; of more nobody sees that they are those of a moment before. */
const COUNTED_MAX = 10_000;

interface InspectOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** Adds `barri journal inspect`. */
export function addInspect(journal: Command, io: Io): void {
  journal
    .command('inspect')
    .description('Show what the journal holds: files, times, what waits for the city, damage, gaps.')
    .argument('[site]', SITE_ARGUMENT)
    .addOption(stateOption('state folder of the gateway, or a copy of a journal'))
    .option('--json', 'print JSON')
    .addHelpText('after', text.inspectHelp)
    .action((site: string | undefined, options: InspectOptions) =>
      withJournal({ site, state: options.state }, io, async (view) => {
        const inspection = await inspect(view, io);
        io.out(options.json === true ? `${JSON.stringify(inspection)}\n` : renderInspection(inspection, io.columns));
        if (inspection.damage.length > 0 || inspection.gaps.length > 0) io.setExitCode(EXIT.problems);
      }),
    );
}

/** Looks at all that is known without reading every record. */
async function inspect(view: JournalView, io: Io): Promise<Inspection> {
  const { journal, folder, isRunning, running, isSimulated } = view;
  const stats = journal.stats();
  const uplinks: UplinkView[] = [];
  for (const uplink of view.uplinks) uplinks.push(await inspectUplink(uplink, view, io));
  if (!view.uplinks.includes(CITY)) uplinks.push(...(await withoutCursor(view, io)));
  const { recordCount, firstSequence, lastSequence } = stats;
  const files = await Promise.all(stats.files.map((file) => withSize(folder, file)));
  return {
    folder,
    isRunning,
    isSimulated,
    recordCount,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...(running === undefined ? {} : { sizeBytesMax: running.stored.sizeBytesMax }),
    firstSequence,
    lastSequence,
    ...(await spanOf(journal, files, (await view.times()).timeOf)),
    files,
    uplinks,
    damage: await view.losses(),
    gaps: (await gapsOf(journal)).map(lossOfGap),
    ...(running === undefined ? {} : { sinceStart: sinceStart(running.stored) }),
  };
}

/**
 * What the commits and the history tell of the delivery to the city where its cursor is not there. A journal from which
 * nothing was ever delivered has none either: then they tell nothing.
 */
async function withoutCursor(view: JournalView, io: Io): Promise<readonly UplinkView[]> {
  // What is gone because of its age counts as delivered: of a site that sends nothing there is nothing to tell.
  if (view.config !== undefined && view.config.sentilo === undefined) return [];
  const { lowWater } = await view.journal.delivery(CITY);
  return lowWater === 0 ? [] : [{ ...(await inspectUplink(CITY, view, io)), isCursorMissing: true }];
}

/** The size as it is on the disk: how large slots are, only the gateway that makes them knows. */
async function withSize(folder: string, file: JournalFileStats): Promise<JournalFileStats> {
  const found = await fs.stat(join(folder, file.file)).catch(() => undefined);
  return found === undefined ? file : { ...file, sizeBytes: found.size };
}

function sinceStart(stored: JournalStats): Inspection['sinceStart'] & object {
  const { thinnedCount, evictedUndeliveredCount, overwrittenCount, failing } = stored;
  return { thinnedCount, evictedUndeliveredCount, overwrittenCount, ...(failing === undefined ? {} : { failing }) };
}

async function inspectUplink(uplink: string, view: JournalView, io: Io): Promise<UplinkView> {
  const { journal, running, isRunning, times } = view;
  const opened = await journal.delivery(uplink);
  const { lastSequence } = journal.stats();
  // Where the disk refuses, later ones are in the memory of the gateway, and are delivered from there.
  const isFailing = running?.stored.failing !== undefined;
  const delivery = isRunning && !isFailing ? upTo(lastSequence, opened) : opened;
  const { lowWater, ranges, unresolved } = delivery;
  const known = { uplink, lowWater, delivered: ranges, unresolvedCount: countOf(unresolved) };
  const total = Math.max(0, lastSequence - lowWater);
  // The gateway counts as it goes, but what it says now may not go together with what was read a moment ago.
  const city = uplink === CITY && (isFailing || total > COUNTED_MAX) ? running?.city : undefined;
  if (city !== undefined) {
    const { waitingCount, oldestWaitingWallMs } = city;
    return { ...known, waitingCount, ...(oldestWaitingWallMs === undefined ? {} : { oldestWaitingWallMs }) };
  }
  const progress = openProgress(text.counting, total, errorOutput(io.err));
  const { count, oldest } = await countWaiting(journal, delivery, progress.to);
  progress.end();
  const time = oldest === undefined ? undefined : (await times()).timeOf(oldest);
  return {
    ...known,
    waitingCount: count,
    ...(time !== undefined && 'wallMs' in time ? { oldestWaitingWallMs: time.wallMs } : {}),
  };
}

type DeliveryView = Pick<Delivery, 'lowWater' | 'ranges' | 'unresolved' | 'isDelivered'>;

/** A running gateway goes on delivering while its records are read: what its cursor says of later ones is left out. */
function upTo(last: number, delivery: DeliveryView): DeliveryView {
  const within = (all: readonly SequenceRange[]) =>
    all.filter(({ first }) => first <= last).map((range) => ({ first: range.first, last: Math.min(range.last, last) }));
  return {
    lowWater: Math.min(delivery.lowWater, last),
    ranges: within(delivery.ranges),
    unresolved: within(delivery.unresolved),
    isDelivered: (sequence) => delivery.isDelivered(sequence),
  };
}

function countOf(ranges: readonly SequenceRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
