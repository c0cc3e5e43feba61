import { join } from 'node:path';
import { makeCard } from './images.ts';
import type { Kernel } from './kernel.ts';
import { type Cut, consoleTail, type Run, runUntilCut } from './machine.ts';
import { judge, type Verdict } from './verdict.ts';
import type { Range } from './witness.ts';

/**
 * How much faster than real the guest's clock runs: more readings in the same time, fewer deadlines kept by an emulated
 * machine.
 */
const SPEED = 10;
const SEQUENCES_SHOWN = 10;
const LOOK_ONLY: Cut = { when: 'opened', afterMs: 0 };

/** One card, and the power cuts that it goes through one after the other. */
export interface Lane {
  /** Name of the guest's site. */
  readonly journal: string;
  /** See guest/open-journal.js. */
  readonly smallFiles: boolean;
  readonly withoutSync: boolean;
  readonly cuts: readonly Cut[];
}

/** What all guests run from. */
export interface Machine {
  readonly kernel: Kernel;
  readonly systemImage: string;
  readonly folder: string;
}

/**
 * Runs the cuts of one card and says a line for each. Resolves with whether it went as it must: nothing lost, or without
 * sync at each cut something.
 */
export async function runLane(lane: Lane, machine: Machine, say: (line: string) => void): Promise<boolean> {
  const { journal, smallFiles, withoutSync, cuts } = lane;
  const name = `${journal} journal${withoutSync ? ' without sync' : ''}`;
  const file = join(machine.folder, name.replaceAll(' ', '-'));
  const guest = { ...machine, card: await makeCard(`${file}.card`), site: journal, smallFiles, speed: SPEED };
  const consoleOf = (index: number) => `${file}-${index}.console`;
  // By sequence, digests of what was acknowledged: since the last look, and what that look found.
  let last = new Map<number, string>();
  let earlier = new Map<number, string>();
  const dropped: Range[] = [];
  let unjudged: string[] = [];
  let isRight = true;
  // Each boot looks at what the cut before it left; the last one has nothing else to do.
  for (const [index, cut] of [...cuts, LOOK_ONLY].entries()) {
    const isLast = cut === LOOK_ONLY;
    const run = await runUntilCut({ ...guest, console: consoleOf(index), withoutSync: withoutSync && !isLast }, cut);
    const acknowledged = new Map([...earlier, ...last]);
    if (run.held !== undefined && unjudged.length > 0) {
      const verdict = judge(acknowledged, run.held, dropped);
      const isLossy = verdict.lost.length + verdict.changed.length > 0;
      const counts = inWords(verdict, last.size, earlier.size);
      say(`${name}, ${unjudged.join(' and ')}: ${counts}${isLossy && withoutSync ? ', as it must be' : ''}`);
      if (isLossy !== withoutSync) isRight = false;
      if (isLossy && !withoutSync) say(`${consoleTail(consoleOf(index - 1))}\n${consoleTail(consoleOf(index))}`);
      // What was lost is said once.
      earlier = acknowledged;
      for (const sequence of [...verdict.lost, ...verdict.changed]) earlier.delete(sequence);
      last = new Map();
      unjudged = [];
    }
    const highest = Math.max(0, ...acknowledged.keys());
    const again = [...run.acknowledged.keys()].filter((sequence) => sequence <= highest);
    if (again.length > 0) {
      say(`${name}: sequences were given a second time: ${firstOf(again)}`);
      isRight = false;
    }
    for (const [sequence, digest] of run.acknowledged) last.set(sequence, digest);
    dropped.push(...run.dropped);
    unjudged.push(`cut ${index + 1} (${momentInWords(cut, run)})`);
  }
  return isRight;
}

function momentInWords(cut: Cut, { atFile }: Run): string {
  const after = `${Math.round(cut.afterMs)} ms after`;
  if (cut.when === 'opening') return `${after} the opening began`;
  return atFile === undefined ? `${after} the first acknowledgement` : `${after} "${atFile}"`;
}

function inWords({ foundCount, droppedCount, lost, changed }: Verdict, lastCount: number, earlierCount: number): string {
  const acknowledged = `${lastCount}${earlierCount > 0 ? ` + ${earlierCount} earlier` : ''} acknowledged`;
  const parts = [acknowledged, `${foundCount} found`];
  if (droppedCount > 0) parts.push(`${droppedCount} deleted or thinned for the size limit`);
  if (lost.length > 0) parts.push(`${lost.length} LOST (${firstOf(lost)})`);
  if (changed.length > 0) parts.push(`${changed.length} CHANGED (${firstOf(changed)})`);
  return parts.join(', ');
}

function firstOf(sequences: readonly number[]): string {
  const shown = sequences.slice(0, SEQUENCES_SHOWN).join(' ');
  return sequences.length > SEQUENCES_SHOWN ? `${shown} …` : shown;
}
