import { Buffer } from 'node:buffer';
import type { Clock } from '../../drivers/clock.ts';
import { GAP_SENSORS_MAX, type Gap, type RecordClass, type Stamp } from '../record.ts';
import type { StoredRecord } from './journal.ts';

/** Of the sensors that a gap record names, together: half of what a record may have. */
const GAP_SENSORS_BYTES_MAX = 8_192;
/** What a text takes in CBOR besides its bytes. */
const TEXT_HEAD_BYTES = 3;

/** Records that are gone, and what is known about them. It becomes a gap record. */
export type Loss = Pick<
  Gap,
  'firstSequence' | 'lastSequence' | 'cause' | 'recordClass' | 'count' | 'sensors' | 'fromWallMs' | 'toWallMs'
>;

/** Adds up what is lost record by record. */
export class LossTally {
  readonly #cause: string;
  readonly #recordClass: RecordClass | undefined;
  readonly #sensors = new Set<string>();
  #firstSequence = Number.POSITIVE_INFINITY;
  #lastSequence = 0;
  #count = 0;
  #fromWallMs = Number.POSITIVE_INFINITY;
  #toWallMs = Number.NEGATIVE_INFINITY;

  constructor(cause: string, recordClass?: RecordClass) {
    this.#cause = cause;
    this.#recordClass = recordClass;
  }

  get count(): number {
    return this.#count;
  }

  add({ sequence, record }: StoredRecord): void {
    const window = record.kind === 'observation' ? record.window : undefined;
    this.#count += window?.count ?? 1;
    this.#firstSequence = Math.min(this.#firstSequence, sequence);
    this.#lastSequence = Math.max(this.#lastSequence, sequence);
    if (record.kind === 'observation' && this.#sensors.size < GAP_SENSORS_MAX) this.#sensors.add(record.sensor);
    if (record.wallQuality === 'none') return;
    const spanMs = window === undefined ? 0 : record.monotonicMs - window.fromMonotonicMs;
    this.#fromWallMs = Math.min(this.#fromWallMs, record.wallMs - spanMs);
    this.#toWallMs = Math.max(this.#toWallMs, record.wallMs);
  }

  /** Undefined when nothing is lost. */
  get loss(): Loss | undefined {
    if (this.#count === 0) return undefined;
    return {
      firstSequence: this.#firstSequence,
      lastSequence: this.#lastSequence,
      cause: this.#cause,
      count: this.#count,
      ...(this.#recordClass === undefined ? {} : { recordClass: this.#recordClass }),
      ...(this.#sensors.size === 0 ? {} : { sensors: [...this.#sensors].sort() }),
      ...(this.#toWallMs < this.#fromWallMs ? {} : { fromWallMs: this.#fromWallMs, toWallMs: this.#toWallMs }),
    };
  }
}

/** At most so many: neighbours become one that spans them, and says of how many records, as far as all of them do. */
export function joinLosses(losses: readonly Loss[], countMax: number): readonly Loss[] {
  if (losses.length <= countMax) return losses;
  const together = Math.ceil(losses.length / countMax);
  const sorted = losses.toSorted((a, b) => a.firstSequence - b.firstSequence);
  return Array.from({ length: Math.ceil(sorted.length / together) }, (_, i) =>
    joined(sorted.slice(i * together, (i + 1) * together)),
  );
}

function joined(losses: readonly Loss[]): Loss {
  const [first] = losses;
  const sensors = new Set(losses.flatMap((loss) => loss.sensors ?? []));
  const isSame = losses.every(({ recordClass }) => recordClass === first?.recordClass);
  const counts = allOf(losses, 'count');
  const froms = allOf(losses, 'fromWallMs');
  const tos = allOf(losses, 'toWallMs');
  return {
    firstSequence: Math.min(...losses.map(({ firstSequence }) => firstSequence)),
    lastSequence: Math.max(...losses.map(({ lastSequence }) => lastSequence)),
    // Where nothing is lost, nothing has caused it.
    cause: (losses.findLast(({ count }) => count !== 0) ?? first)?.cause ?? '',
    ...(isSame && first?.recordClass !== undefined ? { recordClass: first.recordClass } : {}),
    ...(counts === undefined ? {} : { count: counts.reduce((sum, count) => sum + count, 0) }),
    ...(sensors.size === 0 ? {} : { sensors: [...sensors].sort().slice(0, GAP_SENSORS_MAX) }),
    ...(froms === undefined ? {} : { fromWallMs: Math.min(...froms) }),
    ...(tos === undefined ? {} : { toWallMs: Math.max(...tos) }),
  };
}

/** What each of them says; undefined when one does not. */
function allOf(losses: readonly Loss[], field: 'count' | 'fromWallMs' | 'toWallMs'): number[] | undefined {
  const numbers = losses.flatMap((loss) => loss[field] ?? []);
  return numbers.length === losses.length ? numbers : undefined;
}

/** The stamp of a record that the journal writes of itself, now. */
export function ownStamp(boot: string, clock: Clock): Stamp {
  const { ms: wallMs, quality: wallQuality } = clock.wall();
  return { boot, monotonicMs: Math.floor(clock.monotonicMs()), wallMs, wallQuality };
}

/** The gap record of a loss, stamped now. It names only as many sensors as a record has room for. */
export function gapRecord({ sensors, ...loss }: Loss, boot: string, clock: Clock): Gap {
  const named = sensorsWithin(sensors ?? [], GAP_SENSORS_MAX, GAP_SENSORS_BYTES_MAX);
  return { kind: 'gap', ...ownStamp(boot, clock), ...loss, ...(named.length === 0 ? {} : { sensors: named }) };
}

/** The first of them that take no more than so many bytes as CBOR texts. Ids may be as long as somebody likes. */
export function sensorsWithin(sensors: readonly string[], countMax: number, bytesMax: number): readonly string[] {
  let leftBytes = bytesMax;
  const fits = (sensor: string) => {
    const sizeBytes = Buffer.byteLength(sensor) + TEXT_HEAD_BYTES;
    if (sizeBytes > leftBytes) return false;
    leftBytes -= sizeBytes;
    return true;
  };
  return sensors.filter(fits).slice(0, countMax);
}

/** The loss that a gap record names. */
export function lossOfGap({
  kind: _kind,
  boot: _boot,
  monotonicMs: _at,
  wallMs: _wall,
  wallQuality: _quality,
  ...loss
}: Gap): Loss {
  return loss;
}
