import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { type Gap, RECORD_CLASSES } from '../record.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { ignoreDiskError } from './disk-tools.ts';
import { joinLosses, type Loss, sensorsWithin } from './loss.ts';
import { isNamedBy } from './named-losses.ts';
import { readTwoSlots, STATE_BYTES_MAX, TwoSlotFile } from './two-slot-file.ts';

/** The file in the journal's folder. */
export const LOSSES_FILE = 'losses';
export const LOSSES_MAGIC = 'BJLO';
/** Sensors that one of them names: the gap record itself names more. */
const SENSORS_MAX = 8;
/** Of these together: a single loss always fits. */
const SENSORS_BYTES_MAX = 1_024;

/**
 * What is about to be lost, written down before it is: between the deletion of a file and the gap record that names it the
 * power may fail, and nothing would know of it any more.
 */
export interface PendingLosses {
  /** What an earlier process was about to lose. A gap record may name it already. */
  readonly atOpening: readonly Loss[];
  /** Resolves when it is durable that these are about to be lost. @throws DiskError */
  announce(losses: readonly Loss[]): Promise<void>;
  /** A durable gap record names it. */
  named(loss: Loss): void;
  /** Makes the file while there is room for it. @throws DiskError */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

export async function openPendingLosses(disk: Disk, folder: string): Promise<PendingLosses> {
  const path = join(folder, LOSSES_FILE);
  const stored = await readTwoSlots(disk, path, LOSSES_MAGIC);
  const atOpening = typeof stored === 'object' ? decodeLosses(stored.payload) : [];
  const file = new TwoSlotFile(disk, path, LOSSES_MAGIC, typeof stored === 'object' ? stored.generation : 0);
  let pending: readonly Loss[] = [...atOpening];
  let isPrepared = typeof stored === 'object';
  let writtenCount = pending.length;
  let writing: Promise<void> = Promise.resolve();
  /** One after the other, each with what is pending when its turn comes. */
  const write = async () => {
    const turn = writing.then(async () => {
      const { length } = pending;
      await file.write(encodeLosses(pending));
      isPrepared = true;
      writtenCount = length;
    });
    writing = turn.catch(() => undefined);
    await turn;
  };
  return {
    atOpening,
    async announce(losses) {
      if (losses.length === 0) return;
      pending = [...pending, ...losses];
      try {
        await write();
      } catch (error) {
        // Nothing is deleted then.
        pending = pending.filter((each) => !losses.includes(each));
        throw error;
      }
    },
    named(loss) {
      pending = pending.filter((each) => !isNamedBy(each, loss));
    },
    async prepare() {
      if (!isPrepared) await write();
    },
    async close() {
      // What is named needs to be told no more; a file that still says it is only looked through once more.
      await writing;
      if (pending.length < writtenCount) await write().catch(ignoreDiskError);
      await file.close();
    },
  };
}

/** Each as `[first, last, cause, class, count, sensors, from, to]`. When there are too many for a page, neighbours become one. */
function encodeLosses(losses: readonly Loss[]): Uint8Array {
  const items = losses.map((loss) => [
    loss.firstSequence,
    loss.lastSequence,
    loss.cause,
    loss.recordClass ?? null,
    loss.count ?? null,
    loss.sensors === undefined ? null : sensorsWithin(loss.sensors, SENSORS_MAX, SENSORS_BYTES_MAX),
    loss.fromWallMs ?? null,
    loss.toWallMs ?? null,
  ]);
  const bytes = encodeCbor(items);
  if (bytes.length <= STATE_BYTES_MAX || losses.length < 2) return bytes;
  return encodeLosses(joinLosses(losses, Math.ceil(losses.length / 2)));
}

function decodeLosses(payload: Uint8Array): Loss[] {
  const items = decodeCbor(payload);
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown): Loss[] => {
    if (!Array.isArray(item)) return [];
    const [firstSequence, lastSequence, cause, recordClass, count, sensors, fromWallMs, toWallMs] = item;
    if (!Number.isSafeInteger(firstSequence) || !Number.isSafeInteger(lastSequence) || typeof cause !== 'string') return [];
    const isSensors = Array.isArray(sensors) && sensors.every((sensor) => typeof sensor === 'string');
    const told: Partial<Gap> = {
      ...(RECORD_CLASSES.includes(recordClass) ? { recordClass } : {}),
      ...(typeof count === 'number' ? { count } : {}),
      ...(isSensors ? { sensors } : {}),
      ...(typeof fromWallMs === 'number' ? { fromWallMs } : {}),
      ...(typeof toWallMs === 'number' ? { toWallMs } : {}),
    };
    return [{ firstSequence, lastSequence, cause, ...told }];
  });
}
