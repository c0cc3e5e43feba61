import type { Command } from 'commander';
import type { Io } from './io.ts';
import { addExport } from './journal-export.ts';
import { addInspect } from './journal-inspect.ts';
import { addSalvage } from './journal-salvage.ts';
import { addVerify } from './journal-verify.ts';
import { addWear } from './journal-wear.ts';
import { text } from './messages/journal.ts';

/** Adds the commands that look into a journal. */
export function addJournal(program: Command, io: Io): void {
  const journal = program
    .command('journal')
    .description('Look into the journal, take readings out of it, or save a damaged one.');
  for (const add of [addInspect, addVerify, addExport, addSalvage, addWear]) add(journal, io);
  journal.addHelpText('after', text.help);
}
