import { type Command, Option } from 'commander';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { named } from './journal-arguments.ts';
import { writeRecords } from './journal-export.ts';
import { type Format, openWriter } from './journal-formats.ts';
import { gapsOf, type Loss, lossOfGap } from './journal-losses.ts';
import { liesIn } from './journal-output.ts';
import { lossLine } from './journal-render.ts';
import { type Finding, findingLines, findingsOf } from './journal-verify.ts';
import { interruptible, type JournalView, withJournalFolder } from './journal-view.ts';
import { text } from './messages/journal.ts';
import { say } from './say.ts';
import { fitted } from './table.ts';

interface SalvageOptions {
  readonly out: string;
  readonly format: Exclude<Format, 'csv'>;
  readonly json?: boolean;
}

/** What was saved and what was not. */
interface Salvage {
  readonly folder: string;
  readonly out: string;
  readonly savedCount: number;
  readonly damage: readonly Finding[];
  /** Losses that the journal itself had on record. */
  readonly missing: readonly Loss[];
}

/** Adds `barri journal salvage`. */
export function addSalvage(journal: Command, io: Io): void {
  journal
    .command('salvage')
    .description('Save every record that can still be read from a damaged journal into one file, and say what is lost.')
    .argument('<folder>', 'the damaged journal, or the state folder it is in; not a byte of it is changed')
    .requiredOption('--out <file>', 'file for the records; one that is there is replaced', named)
    .addOption(new Option('--format <format>', 'form of the file').choices(['jsonl', 'cbor']).default('jsonl'))
    .option('--json', 'print the report as JSON')
    .addHelpText('after', text.salvageHelp)
    .action((folder: string, options: SalvageOptions) =>
      withJournalFolder(folder, io, (view) => interruptible(io, (signal) => salvage(view, options, signal, io))),
    );
}

async function salvage(view: JournalView, options: SalvageOptions, signal: AbortSignal, io: Io): Promise<void> {
  const { journal, folder } = view;
  const { out, format } = options;
  if (await liesIn(out, folder)) return say(text.outInJournal(out), io, EXIT.usage);
  const writer = await openWriter(format, (await view.times()).timeOf);
  const total = journal.stats().recordCount;
  // Every copy of a held record, as it stands: what is saved is the journal, not a table of readings.
  const selection = { takes: () => true };
  const saved = await writeRecords(view, { query: {}, selection, writer, total, out, signal, withCopies: true }, io);
  if (saved === undefined) return;
  const damage = await findingsOf(view);
  const missing = (await gapsOf(journal)).map(lossOfGap);
  const report: Salvage = { folder, out, savedCount: saved.count, damage, missing };
  if (options.json === true) io.out(`${JSON.stringify(report)}\n`);
  else for (const line of salvageLines(report)) io.out(`${fitted(line, io.columns)}\n`);
  if (damage.length > 0 || missing.length > 0) io.setExitCode(EXIT.problems);
}

/** Line by line: all the losses of a long life, with their sensors, may be more than fits into memory as one text. */
function* salvageLines({ savedCount, damage, missing, folder, out }: Salvage): Generator<string> {
  yield text.salvaged(savedCount, folder, out);
  if (damage.length === 0 && missing.length === 0) yield text.nothingLost;
  if (damage.length > 0) yield text.damageNow;
  for (const finding of damage) for (const line of findingLines([finding], true)) yield `  ${line}`;
  if (missing.length > 0) yield text.lostBefore;
  for (const loss of missing) yield `  ${lossLine(loss, Number.POSITIVE_INFINITY)}`;
}
