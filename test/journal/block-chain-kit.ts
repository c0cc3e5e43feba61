import { type Chain, type ChainOptions, openChain } from '../../gateway/journal/block-chain.ts';
import { PAGE_BYTES } from '../../gateway/journal/frame.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { observation, upTo, WALL_MS } from './kit.ts';
import type { ModelDisk } from './model-disk.ts';

const FOLDER = '/var/lib/barri/journal';
export const SENSORS = ['makers-balcony-temperature', 'makers-hall-temperature', 'library-roof-temperature'];

/** A record that is told from all others by its value. Two thirds of the sequences are of another class. */
export function stored(sequence: number): StoredRecord {
  const sensor = SENSORS[(sequence / 3) % SENSORS.length] as string;
  const wallQuality = sequence % 30 === 0 ? 'none' : 'synced';
  // Digits that no codec makes shorter, so that blocks are as long as they are.
  const value = sequence * Math.SQRT2;
  return {
    sequence,
    record: observation(value, { sensor, monotonicMs: sequence, wallMs: WALL_MS + sequence * 1000, wallQuality }),
  };
}

/** Records `from` to `to` of this class, by their ordinals. */
export function run(from: number, to: number): StoredRecord[] {
  return upTo(to, from).map((ordinal) => stored(ordinal * 3));
}

let epoch = 0;
export async function open(disk: ModelDisk, options: Partial<ChainOptions> = {}): Promise<Chain> {
  await disk.mkdir(FOLDER);
  return await openChain(disk, FOLDER, 'gauges', {
    log: () => undefined,
    fileBytesMax: 4 * PAGE_BYTES,
    names: await disk.readDir(FOLDER),
    newEpoch: () => ++epoch,
    blockRecords: 40,
    ...options,
  });
}

export async function readAll(chain: Chain, step = 37): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for (let from = 1; ; ) {
    const part = await chain.read(from, step);
    all.push(...part);
    const last = part.at(-1);
    if (last === undefined) return all;
    from = last.sequence + 1;
  }
}

export async function collect(batches: AsyncIterable<readonly StoredRecord[]>): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

export const pathOf = (name: string) => `${FOLDER}/${name}`;
export const sequencesOf = (records: readonly StoredRecord[]) => records.map(({ sequence }) => sequence);

/** Fails the n-th of the operations that come from now on. */
export function failAt(disk: ModelDisk, n: number, code: string): void {
  const at = disk.operationCount + n;
  disk.fault = (_operation, count) => (count === at ? code : undefined);
}

export function damageBytes(disk: ModelDisk, name: string, change: (bytes: Uint8Array) => void): void {
  const bytes = disk.bytes(pathOf(name)).slice() as Uint8Array<ArrayBuffer>;
  change(bytes);
  disk.put(pathOf(name), bytes);
}
