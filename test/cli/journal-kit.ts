import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { HistoryQuery, Journal, StoredRecord } from '../../gateway/journal/journal.ts';
import { type JournalOptions, openJournal } from '../../gateway/journal/open-journal.ts';
import { socketPath } from '../../gateway/local-api.ts';
import { realClock, realHost } from '../../gateway/real-host.ts';
import { classOf, type JournalRecord, type Observation } from '../../gateway/record.ts';
import { observation } from '../journal/kit.ts';

/** 25 November 2026, 00:00 UTC. */
export const DAY_MS = Date.UTC(2026, 10, 25);
const MINUTE_MS = 60_000;

/** A state folder that is deleted by what is returned. */
export function temporaryState(): { readonly state: string; readonly remove: () => void } {
  const state = mkdtempSync(join(tmpdir(), 'barri-journal-'));
  return { state, remove: () => rmSync(state, { recursive: true, force: true }) };
}

/** Gives each test a state folder of its own. What is put into the returned list is called after the test, the last first. */
export function stateForEach(take: (state: string) => void): (() => unknown)[] {
  const cleanUps: (() => unknown)[] = [];
  beforeEach(() => {
    const { state, remove } = temporaryState();
    take(state);
    cleanUps.push(remove);
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  return cleanUps;
}

/** A journal as a gateway keeps it, on the real disk. Slots are small, so that a few thousand records fill them. */
export async function openReal(state: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return await openJournal(realHost(() => {}).disk, join(state, 'journal'), {
    clock: realClock(),
    log: () => {},
    syncMs: 0,
    maxSizeBytes: 64 * 1024 * 1024,
    keepMs: 400 * 86_400_000,
    slotBytes: 65_536,
    slotCount: 4,
    ...options,
  });
}

/** The temperature of the hall, so many minutes after the beginning of the day. */
export function hall(minute: number, more: Partial<Observation> = {}): Observation {
  return observation(minute, {
    sensor: 'makers-hall-temperature',
    channel: 'hall.temperature',
    monotonicMs: minute * MINUTE_MS,
    wallMs: DAY_MS + minute * MINUTE_MS,
    unit: 'Cel',
    ...more,
  });
}

/** The humidity of the balcony. */
export function balcony(minute: number, more: Partial<Observation> = {}): Observation {
  return hall(minute, { sensor: 'makers-balcony-humidity', channel: 'balcony.humidity', unit: '%', ...more });
}

/** So many minutes of both: some thousand fill the slots, so that most of them are sealed. */
export function minutes(count: number): Observation[] {
  return Array.from({ length: count }, (_, minute) => [hall(minute), balcony(minute)]).flat();
}

/** The content of every file in a folder and below. */
export function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), 'base64')]));
}

/** Keeps records in a journal on the real disk, in groups of a hundred, and closes it. Returns their sequences. */
export async function keep(
  state: string,
  records: readonly JournalRecord[],
  options: Partial<JournalOptions> = {},
): Promise<number[]> {
  const journal = await openReal(state, options);
  const sequences: number[] = [];
  for (let at = 0; at < records.length; at += 100) {
    sequences.push(...(await Promise.all(records.slice(at, at + 100).map((record) => journal.append(record)))));
  }
  await journal.close();
  return sequences;
}

/** Records in memory, for what only reads them. */
export function journalOf(records: readonly JournalRecord[]): Pick<Journal, 'read' | 'history'> {
  const stored = records.map((record, index): StoredRecord => ({ sequence: index + 1, record }));
  const isMeant = ({ sensors }: HistoryQuery, { record }: StoredRecord) =>
    sensors === undefined || (record.kind === 'observation' && sensors.has(record.sensor));
  return {
    read: async (from, limit, recordClass) =>
      stored
        .filter(({ sequence, record }) => sequence >= from && (recordClass === undefined || classOf(record) === recordClass))
        .slice(0, limit),
    async *history(query) {
      const meant = stored.filter((each) => isMeant(query, each));
      if (meant.length > 0) yield meant;
    },
  };
}

/** Changes bytes in the middle of what stands in the fullest of some files of the journal. Returns its name. */
export function damage(folder: string, name: RegExp, part = 0.5): string {
  const files = readdirSync(folder).filter((each) => name.test(each));
  const contents = files.map((file) => {
    const bytes = readFileSync(join(folder, file));
    return { file, bytes, used: [...bytes.keys()].filter((at) => bytes[at] !== 0) };
  });
  const [fullest] = contents.sort((a, b) => b.used.length - a.used.length);
  if (fullest === undefined) throw new Error(`no file is named like ${name}`);
  const { file, bytes, used } = fullest;
  // Not the zeros between frames: they hold nothing that could be lost.
  const from = Math.floor(used.length * part);
  for (const at of used.slice(from, from + 8)) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(join(folder, file), bytes);
  return file;
}

/** What a gateway says of its journal while all is well. */
export const STORED = {
  sizeBytesMax: 1_073_741_824,
  evictedUndeliveredCount: 0,
  overwrittenCount: 0,
  thinnedCount: 0,
  damage: [],
  wear: { writtenBytes: 43_200_000, syncCount: 8_640, forMs: 43_200_000 },
};

/** A gateway that says this of its journal, until what is returned is called. */
export async function serveStatus(state: string, stored: object, more: object = {}): Promise<() => Promise<void>> {
  const status = { gateway: 'trial', stored, devices: [], buses: [], ...more };
  return await realHost(() => {}).listen(socketPath(state), async () => ({ status: 200, json: status }));
}
