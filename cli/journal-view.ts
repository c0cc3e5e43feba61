import { promises as fs } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { parseBlockFileName } from '../gateway/journal/block-file.ts';
import { uplinkOf } from '../gateway/journal/cursor-file.ts';
import { type Damage, type Journal, SLOTS_TOGETHER } from '../gateway/journal/journal.ts';
import { realHost } from '../gateway/real-host.ts';
import type { GatewayStatus } from '../gateway/status.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { type Absence, type Found, findJournal } from './journal-find.ts';
import { closeLooked, openToLook, orSayUnreadable, type Place, placeOf, type Told } from './journal-place.ts';
import { type Times, timesOf } from './journal-time.ts';
import { runUntilSignal } from './life.ts';
import { askGateway, orSayNotAsked } from './local-client.ts';
import { type LockHolder, lockHolder } from './lock-holder.ts';
import { text } from './messages/journal.ts';
import { text as live } from './messages/live.ts';
import { isLoss } from './render-status.ts';
import { say } from './say.ts';
import { isSimulated } from './state-folder.ts';

/** A journal that is only looked at. */
export interface JournalView {
  /** Where its files are. */
  readonly folder: string;
  readonly journal: Journal;
  /** A gateway runs on it, whether it answers or not. */
  readonly isRunning: boolean;
  /** What the gateway that runs on it says; undefined when none runs, or when it does not answer. */
  readonly running?: GatewayStatus;
  /** The gateway that runs on it and does not answer. */
  readonly unanswering?: LockHolder;
  readonly isSimulated: boolean;
  /** The site, when its file was named or found. */
  readonly config?: Config;
  /** Names of the uplinks that have delivered from it. */
  readonly uplinks: readonly string[];
  /** Opens it once more, as it is then. The caller closes it. */
  again(): Promise<Journal>;
  /** When its records were. */
  times(): Promise<Times>;
  /** The damage noticed so far that costs records; beside a running gateway only what a second look finds too. */
  losses(): Promise<readonly Damage[]>;
}

/** Runs `work` on the journal that a person means. What a person can mend is said, and the exit code set. */
export async function withJournal(told: Told, io: Io, work: (view: JournalView) => Promise<void>): Promise<void> {
  const place = await placeOf(told, io);
  if (place !== undefined) await withOneOf(place, io, work);
}

/** As withJournal, for a folder that is named itself: a state folder, or the journal's own. */
export async function withJournalFolder(folder: string, io: Io, work: (view: JournalView) => Promise<void>): Promise<void> {
  await withOneOf({ folders: [folder], toldBy: 'argument' }, io, work);
}

/** The first journal on which a gateway runs, else the first. */
async function withOneOf({ folders, config, toldBy }: Place, io: Io, work: (view: JournalView) => Promise<void>): Promise<void> {
  const [wanted = ''] = folders;
  await orSayNotAsked(io, () =>
    orSayUnreadable(wanted, io, async () => {
      const looked: Looked[] = [];
      let absence: Absence | undefined;
      for (const folder of folders) {
        const found = await findJournal(folder);
        if (typeof found === 'string') {
          absence ??= found;
          continue;
        }
        const running = await askGateway<GatewayStatus>(found.stateFolder, '/status');
        const unanswering = running === undefined ? await lockHolder(found.stateFolder) : undefined;
        looked.push({ ...found, running, unanswering });
      }
      const chosen = looked.find(({ running, unanswering }) => running !== undefined || unanswering !== undefined) ?? looked[0];
      if (chosen !== undefined) return await lookAt(chosen, config, io, work);
      say(text.noJournal(wanted, absence ?? 'missing', toldBy), io, EXIT.usage);
    }),
  );
}

/** Runs `work` until it ends or a signal comes: then its signal is aborted, it tidies up, and the exit code says so. */
export async function interruptible(io: Io, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const aborting = new AbortController();
  let hasEnded = false;
  const working = work(aborting.signal).finally(() => {
    hasEnded = true;
  });
  const stop = async () => {
    if (hasEnded) return;
    io.setExitCode(EXIT.interrupted);
    aborting.abort();
    await working.catch(() => {});
  };
  await runUntilSignal({ stop }, working);
}

interface Looked extends Found {
  readonly running: GatewayStatus | undefined;
  readonly unanswering: LockHolder | undefined;
}

async function lookAt(
  { journalFolder: folder, running, unanswering }: Looked,
  config: Config | undefined,
  io: Io,
  work: (view: JournalView) => Promise<void>,
): Promise<void> {
  const isRunning = running !== undefined || unanswering !== undefined;
  const names = await fs.readdir(folder);
  const journal = await openToLook(folder);
  // That of a copy may have been copied with it.
  const hasMark = await isSimulated(dirname(resolve(folder)));
  if (hasMark) say(live.simulatedReadings(folder), io);
  if (isRunning) say(text.running, io);
  const again = () => openToLook(folder);
  let times: Promise<Times> | undefined;
  try {
    await work({
      folder,
      journal,
      isRunning,
      ...(running === undefined ? {} : { running }),
      ...(unanswering === undefined ? {} : { unanswering }),
      isSimulated: hasMark,
      ...(config === undefined ? {} : { config }),
      uplinks: names.flatMap((name) => uplinkOf(name) ?? []),
      again,
      times: () => (times ??= timesOf(journal, isRunning ? realHost(() => {}).bootId : undefined)),
      losses: async () => {
        const found = [...journal.stats().damage.filter(isLoss), ...(await hollowFiles(journal))];
        const noticed = running?.stored.failing === undefined ? found : found.filter((damage) => !isInMemory(damage, journal));
        return isRunning && noticed.length > 0 ? await confirmed(noticed, again) : noticed;
      },
    });
  } finally {
    await closeLooked(journal);
  }
}

/** A gateway whose disk refuses delivers from memory: what its cursor says beyond the last record was never on the disk. */
function isInMemory({ file, missing }: Damage, journal: Journal): boolean {
  return file === SLOTS_TOGETHER && missing !== undefined && missing.first > journal.stats().lastSequence;
}

/** A running gateway recycles and deletes files: what it changed under our hands is no damage. What is damaged stays so. */
async function confirmed(noticed: readonly Damage[], again: () => Promise<Journal>): Promise<readonly Damage[]> {
  const journal = await again();
  try {
    // Damage inside a file is met where its records are read.
    for (const { missing } of noticed) if (missing !== undefined) await journal.read(missing.first, 1);
    const key = ({ file, offset, kind, missing }: Damage) =>
      `${file} ${offset} ${kind} ${file === SLOTS_TOGETHER ? missing?.first : ''}`;
    const found = new Set([...journal.stats().damage, ...(await hollowFiles(journal))].map(key));
    return noticed.filter((damage) => found.has(key(damage)));
  } finally {
    await closeLooked(journal);
  }
}

/**
 * Block files in which nothing can be read. Such a file gets its name when its first records are durable, so that it never
 * was like that; its name says where they began. The journal itself misses what was in them as long as its list of files is
 * there, and that may be missing from a copy.
 */
async function hollowFiles(journal: Journal): Promise<readonly Damage[]> {
  const { files, damage } = journal.stats();
  const named = new Set(damage.filter(isLoss).map(({ file }) => file));
  const hollow: Damage[] = [];
  for (const { file, sizeBytes, recordCount } of files) {
    const place = parseBlockFileName(file);
    if (place === undefined || recordCount > 0 || sizeBytes === 0 || named.has(file)) continue;
    const { recordClass, firstSequence: first } = place;
    const [next] = await journal.read(first, 1, recordClass);
    const missing = next === undefined || next.sequence <= first ? {} : { missing: { first, last: next.sequence - 1 } };
    hollow.push({ file, recordClass, offset: 0, sizeBytes, kind: 'damaged', ...missing });
  }
  return hollow;
}
