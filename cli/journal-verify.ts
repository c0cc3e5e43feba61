import type { Command } from 'commander';
import type { Damage, JournalFileStats } from '../gateway/journal/journal.ts';
import { classOf, type RecordClass } from '../gateway/record.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { SITE_ARGUMENT } from './journal-arguments.ts';
import { gapsOf, type Loss, lossOfDamage } from './journal-losses.ts';
import { errorOutput, openProgress } from './journal-progress.ts';
import { lossLine, sensorLines } from './journal-render.ts';
import { interruptible, type JournalView, withJournal } from './journal-view.ts';
import { text } from './messages/journal.ts';
import { damageAdvice } from './render-status.ts';
import { stateOption } from './state-folder.ts';
import { fitted } from './table.ts';

interface VerifyOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** A damaged place, and what it cost. */
export interface Finding extends Damage {
  readonly loss?: Loss;
}

/** What reading everything showed. */
export interface Verification {
  readonly folder: string;
  readonly isRunning: boolean;
  readonly fileCount: number;
  readonly readCount: number;
  /** Records that the files promise and that were not among those read, beside what is damaged. */
  readonly unreadCount: number;
  readonly damage: readonly Finding[];
  /** Losses that the journal itself has on record. */
  readonly gapCount: number;
}

/** Adds `barri journal verify`. */
export function addVerify(journal: Command, io: Io): void {
  journal
    .command('verify')
    .description('Read every record of every file and say what is damaged.')
    .argument('[site]', SITE_ARGUMENT)
    .addOption(stateOption('state folder of the gateway, or a copy of a journal'))
    .option('--json', 'print JSON')
    .addHelpText('after', text.verifyHelp)
    .action((site: string | undefined, options: VerifyOptions) =>
      withJournal({ site, state: options.state }, io, (view) =>
        interruptible(io, async (signal) => {
          const found = await verify(view, io, signal);
          if (signal.aborted) return;
          io.out(options.json === true ? `${JSON.stringify(found)}\n` : fitted(renderVerification(found), io.columns));
          if (found.damage.length > 0 || found.unreadCount > 0) io.setExitCode(EXIT.problems);
        }),
      ),
    );
}

async function verify(view: JournalView, io: Io, signal: AbortSignal): Promise<Verification> {
  const { journal, folder, isRunning } = view;
  const { recordCount, files } = journal.stats();
  const promised = promisedBy(files);
  const progress = openProgress(text.verifying, recordCount, errorOutput(io.err));
  let readCount = 0;
  for await (const records of journal.history({})) {
    if (signal.aborted) break;
    for (const { sequence, record } of records) {
      const inFiles = promised.get(classOf(record));
      if (inFiles !== undefined && sequence <= inFiles.lastSequence) inFiles.unreadCount -= 1;
    }
    readCount += records.length;
    progress.to(readCount);
  }
  progress.end();
  const damage = await findingsOf(view);
  return {
    folder,
    isRunning,
    fileCount: files.length,
    readCount,
    // A running gateway drops and seals meanwhile, and what is damaged is told on its own.
    unreadCount:
      !isRunning && damage.length === 0
        ? [...promised.values()].reduce((sum, { unreadCount }) => sum + Math.max(0, unreadCount), 0)
        : 0,
    damage,
    gapCount: (await gapsOf(journal)).length,
  };
}

/** How many records the finished history of each class must give, and up to which sequence it goes. */
function promisedBy(files: readonly JournalFileStats[]): Map<RecordClass, { unreadCount: number; lastSequence: number }> {
  const promised = new Map<RecordClass, { unreadCount: number; lastSequence: number }>();
  for (const { recordClass, recordCount, lastSequence } of files) {
    if (recordClass === undefined) continue;
    const before = promised.get(recordClass) ?? { unreadCount: 0, lastSequence: 0 };
    promised.set(recordClass, {
      unreadCount: before.unreadCount + recordCount,
      lastSequence: Math.max(before.lastSequence, lastSequence),
    });
  }
  return promised;
}

/** The damage that was met, and what it cost. */
export async function findingsOf(view: JournalView): Promise<readonly Finding[]> {
  const { journal } = view;
  const gaps = await gapsOf(journal);
  const { timeOf } = await view.times();
  const findings: Finding[] = [];
  for (const damage of await view.losses()) {
    const loss = await lossOfDamage(damage, gaps, journal, timeOf);
    findings.push({ ...damage, ...(loss === undefined ? {} : { loss }) });
  }
  return findings;
}

function renderVerification({ fileCount, readCount, unreadCount, damage, gapCount, folder }: Verification): string {
  const lines = [
    text.verified(folder, readCount, fileCount),
    ...(damage.length === 0 && unreadCount === 0 ? [text.allWell] : findingLines(damage)),
    ...damageAdvice(damage),
    ...(unreadCount === 0 ? [] : [text.unread(unreadCount)]),
    ...(gapCount === 0 ? [] : [text.gapsOnRecord(gapCount)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A damaged place a line, and below it what it cost; with `isFull` for each sensor. */
export function findingLines(findings: readonly Finding[], isFull = false): string[] {
  return findings.flatMap(({ loss, ...damage }) => {
    if (loss === undefined) return [text.damage(damage)];
    if (!isFull) return [text.damage(damage), `  ${lossLine(loss)}`];
    const sensors = sensorLines(loss);
    // Each sensor is named once: in a line of its own where there is something to tell of it.
    const line = sensors.length > 0 ? lossLine({ ...loss, sensors: [] }) : lossLine(loss, Number.POSITIVE_INFINITY);
    return [text.damage(damage), `  ${line}`, ...sensors.map((each) => `    ${each}`)];
  });
}
