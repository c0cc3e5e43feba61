import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrange } from '../../gateway/journal/arrange.ts';
import {
  decodeBlock,
  decodeBlockSummary,
  decodeCommit,
  encodeBlock,
  encodeCommit,
  learnFrom,
  readLowWaters,
} from '../../gateway/journal/columns.ts';
import { FRAME_HEADER_BYTES, PAGE_BYTES } from '../../gateway/journal/frame.ts';
import type { StoredRecord } from '../../gateway/journal/journal.ts';
import { Dictionary } from '../../gateway/journal/series.ts';
import type { JournalRecord, Observation } from '../../gateway/record.ts';
import { plainObservation, records, text } from './record-arbitraries.ts';

const NO_MARKS = new Map<string, number>();
const inOrder = (all: readonly JournalRecord[]) => arrange(all.map((record) => ({ record }))).map(({ record }) => record);
const numbered = (all: readonly JournalRecord[], first = 1): StoredRecord[] =>
  all.map((record, i) => ({ sequence: first + i, record }));
const commit = (
  all: readonly JournalRecord[],
  dictionary = new Dictionary(),
  offset = 0,
  marks: ReadonlyMap<string, number> = NO_MARKS,
) =>
  encodeCommit(
    all.map((record) => ({ record })),
    dictionary,
    offset,
    marks,
  );
const block = (all: readonly StoredRecord[]) => encodeBlock(all, new Dictionary(), 0);

/** Records with ascending sequences, close together or far apart. */
const stored = fc
  .array(fc.tuple(records, fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1e12 }))), {
    minLength: 1,
    maxLength: 60,
  })
  .map((all) => {
    let sequence = 0;
    return all.map(([record, step]) => {
      sequence += step;
      return { sequence, record };
    });
  });

describe('the order within a group', () => {
  it('puts other records first and the observations sensor by sensor, each as it came', () => {
    const a = (tick: number) => plainObservation(tick, { sensor: 'a' });
    const b = (tick: number, more: Partial<Observation> = {}) => plainObservation(tick, { sensor: 'b', ...more });
    const event: JournalRecord = {
      kind: 'event',
      boot: 'b1',
      monotonicMs: 1,
      wallMs: 1,
      wallQuality: 'none',
      code: 'c',
      fields: {},
    };
    const suspect = b(4, { quality: 'suspect' });
    expect(inOrder([b(1), a(2), event, b(3), suspect, a(5), b(6)])).toEqual([event, b(1), b(3), suspect, b(6), a(2), a(5)]);
  });

  it('keeps every item once', () => {
    fc.assert(
      fc.property(fc.array(records), (all) => {
        const items = all.map((record) => ({ record }));
        const arranged = arrange(items);
        expect(arranged).toHaveLength(items.length);
        expect(new Set(arranged)).toEqual(new Set(items));
      }),
    );
  });
});

describe('a commit payload', () => {
  it('gives back any records in any order as they were', () => {
    fc.assert(
      fc.property(
        fc.array(records, { maxLength: 60 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 1e15 }),
        (all, isArranged, first) => {
          const written = isArranged ? inOrder(all) : all;
          const decoded = decodeCommit(commit(written), first, new Dictionary());
          expect(decoded).toEqual({ records: numbered(written, first), unknownCount: 0 });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('can be read in any chunks with the dictionary of its file, also by a later process', () => {
    fc.assert(
      fc.property(fc.array(fc.array(records, { minLength: 1, maxLength: 20 }), { maxLength: 8 }), (groups) => {
        const dictionary = new Dictionary();
        let offset = 0;
        const payloads = groups.map((group) => {
          const payload = commit(inOrder(group), dictionary, offset, NO_MARKS);
          offset += Math.ceil((FRAME_HEADER_BYTES + payload.length) / PAGE_BYTES) * PAGE_BYTES;
          return payload;
        });
        const later = new Dictionary();
        for (const payload of payloads) learnFrom(payload, later);
        expect(later.all()).toEqual(dictionary.all());
        const decoded = payloads.map((payload) => decodeCommit(payload, 1, later)?.records);
        expect(decoded).toEqual(groups.map((group) => numbered(inOrder(group))));
      }),
    );
  });

  it('can be read wherever 4 KiB of damage do not touch it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(records, { minLength: 1, maxLength: 20 }), { maxLength: 8 }),
        fc.nat({ max: 20 }),
        (groups, page) => {
          const dictionary = new Dictionary();
          let offset = 0;
          const left: Uint8Array[] = [];
          for (const group of groups) {
            const payload = commit(group, dictionary, offset, NO_MARKS);
            const end = offset + FRAME_HEADER_BYTES + payload.length;
            if (end <= page * PAGE_BYTES || offset >= (page + 1) * PAGE_BYTES) left.push(payload);
            offset = Math.ceil(end / PAGE_BYTES) * PAGE_BYTES;
          }
          const later = new Dictionary();
          for (const payload of left) learnFrom(payload, later);
          expect(left.map((payload) => decodeCommit(payload, 1, later)?.unknownCount)).toEqual(left.map(() => 0));
        },
      ),
    );
  });

  it('counts the observations whose definition is lost, and gives the others', () => {
    const dictionary = new Dictionary();
    const [known, lost] = [plainObservation(1), plainObservation(1, { sensor: 'lost' })];
    const before = [0, 10_000, 20_000].map((offset) => commit([lost], dictionary, offset, NO_MARKS));
    const payload = commit([lost, known, lost], dictionary, 30_000, NO_MARKS);
    const decoded = decodeCommit(payload, 5, new Dictionary());
    expect(decoded).toEqual({ records: [{ sequence: 6, record: known }], unknownCount: 2 });
    const later = new Dictionary();
    learnFrom(before[0] as Uint8Array, later);
    expect(decodeCommit(payload, 5, later)?.records).toEqual(numbered([lost, known, lost], 5));
  });

  it('holds the low-water marks of all uplinks', () => {
    fc.assert(
      fc.property(fc.dictionary(text, fc.maxSafeNat()), fc.array(records, { maxLength: 3 }), (marks, all) => {
        const lowWaters = new Map(Object.entries(marks));
        const payload = commit(all, new Dictionary(), 0, lowWaters);
        expect(readLowWaters(payload)).toEqual(lowWaters);
      }),
    );
  });

  it('has room on one page for 1000 readings of 200 sensors whose definitions stand elsewhere', () => {
    const all = inOrder(thermometers(1000));
    const dictionary = new Dictionary();
    const sizes = [0, 10_000, 20_000, 30_000].map(
      (offset) => commit(all, dictionary, offset, new Map([['sentilo', 1e6]])).length,
    );
    expect(FRAME_HEADER_BYTES + (sizes[3] as number)).toBeLessThanOrEqual(PAGE_BYTES);
  });
});

describe('a block payload', () => {
  it('gives back any records with their sequences as they were', () => {
    fc.assert(
      fc.property(stored, (all) => {
        expect(decodeBlock(block(all).payload, new Dictionary())).toEqual({ records: all, unknownCount: 0 });
      }),
      { numRuns: 200 },
    );
  });

  it('gives the observations of some sensors only', () => {
    fc.assert(
      fc.property(stored, (all) => {
        const sensors = new Set(['a-temperature', 'b-power']);
        const wanted = all.filter(({ record }) => record.kind === 'observation' && sensors.has(record.sensor));
        expect(decodeBlock(block(all).payload, new Dictionary(), sensors)).toEqual({ records: wanted, unknownCount: 0 });
      }),
    );
  });

  it('says what is in it without being inflated', () => {
    fc.assert(
      fc.property(stored, (all) => {
        const { payload, summary } = block(all);
        const timed = all.map(({ record }) => record).filter(({ wallQuality }) => wallQuality !== 'none');
        const walls = timed.map(({ wallMs }) => wallMs).sort((a, b) => a - b);
        const { definitions, ...decoded } = decodeBlockSummary(payload) ?? { definitions: [] };
        expect(decoded).toEqual(summary);
        expect(summary).toEqual({
          firstSequence: all[0]?.sequence,
          lastSequence: all.at(-1)?.sequence,
          count: all.length,
          untimedCount: all.length - timed.length,
          ...(walls.length > 0 && { fromWallMs: walls[0], toWallMs: walls.at(-1) }),
          series: definitions.map(({ id }) => id),
        });
        const sensors = all.flatMap(({ record }) => (record.kind === 'observation' ? [record.sensor] : []));
        expect(new Set(definitions.map(({ series }) => series.sensor))).toEqual(new Set(sensors));
      }),
    );
  });

  it('counts the observations whose definition is lost', () => {
    const all = numbered([plainObservation(1), plainObservation(2, { sensor: 'b' }), plainObservation(3)]);
    const dictionary = new Dictionary();
    for (const offset of [0, 10_000]) encodeBlock(all, dictionary, offset);
    const { payload } = encodeBlock(all, dictionary, 20_000);
    expect(decodeBlock(payload, new Dictionary())).toEqual({ records: [], unknownCount: 3 });
    expect(decodeBlock(payload, new Dictionary(), new Set(['b']))).toEqual({ records: [], unknownCount: 3 });
    expect(decodeBlock(payload, dictionary, new Set(['b']))).toEqual({ records: [all[1]], unknownCount: 0 });
  });

  it.each<[string, number, (tick: number) => number]>([
    ['2 bytes for a decimal that walks', 2, (tick) => Math.round(2000 + 100 * Math.sin(tick / 40)) / 100],
    ['1.2 bytes for a counter', 1.2, (tick) => 1_000_000 + 7 * tick],
    ['5 bytes for a float32', 5, (tick) => Math.fround(20 + Math.sin(tick * tick))],
    ['9 bytes for a float64', 9, (tick) => 20 + Math.sin(tick * tick)],
  ])('takes at most %s', (_what, bytesMax, valueAt) => {
    const all = numbered(thermometers(8192, (i) => valueAt(Math.floor(i / 200))));
    const dictionary = new Dictionary();
    for (const offset of [0, 100_000]) encodeBlock(all, dictionary, offset);
    const { payload } = encodeBlock(all, dictionary, 200_000);
    expect(payload.length / all.length).toBeLessThanOrEqual(bytesMax);
  });
});

describe('the values of a payload', () => {
  it.each<[string, number[]]>([
    ['tenths', [36.3, 36.4, -36.3, 0]],
    ['a sum that is no decimal', [0.1 + 0.2, 0.3]],
    ['the ninth digit', [1e-9, 2e-9, 0.123456789]],
    ['the tenth digit', [1e-10, 0.1234567891]],
    ['the largest integers', [2 ** 53, -(2 ** 53), 2 ** 53 - 1, 0]],
    ['integers that are larger', [2 ** 53 + 2, 2 ** 63, 1e300]],
    ['a decimal too large for its digits', [9007199254740.992, 0.001, 90071992547409.92]],
    ['the smallest number', [5e-324, -5e-324, 1]],
    ['the largest number', [Number.MAX_VALUE, -Number.MAX_VALUE]],
    ['float32', [Math.fround(0.1), Math.fround(20.7), Math.fround(1e-40)]],
    ['thirds', [1 / 3, 2 / 3, 1]],
    ['both of a mixture', [1, 0.5, 1 / 3, 1e21]],
  ])('come back bit by bit: %s', (_what, values) => {
    const all = values.map((value, i) => plainObservation(i, { value, uncalibrated: value, monotonicMs: Math.abs(value) }));
    expect(decodeCommit(commit(all), 1, new Dictionary())?.records).toEqual(numbered(all));
    expect(decodeBlock(block(numbered(all)).payload, new Dictionary())?.records).toEqual(numbered(all));
  });

  it('have no minus zero', () => {
    for (const values of [[-0], [1, -0], [1 / 3, -0], [0.5, -0]]) {
      const all = values.map((value) => plainObservation(1, { value, monotonicMs: value, uncalibrated: value, wallMs: value }));
      const decoded = decodeCommit(commit(all), 1, new Dictionary())?.records ?? [];
      const numbers = decoded.flatMap(({ record }) => Object.values(record)).filter((value) => typeof value === 'number');
      expect(numbers.filter((value) => Object.is(value, -0))).toEqual([]);
      expect(decoded).toHaveLength(values.length);
    }
  });
});

describe('the bytes of a payload', () => {
  const observations = [20.5, 20.6].map((value, i) =>
    plainObservation(0, {
      boot: 'b',
      monotonicMs: 1000 + 10_000 * i,
      wallMs: 5000 + 10_000 * i,
      sensor: 's',
      channel: 'c',
      value,
      precision: 1,
    }),
  );
  /** [[0, "s", "c", "Cel", 1, 0 (gauge), 0 (good), 1 (publish)]] */
  const definitions = '8188006173616363' + '43656c01000001';
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

  it('are those of RFC 8949 for a commit', () => {
    const event: JournalRecord = {
      kind: 'event',
      boot: 'b',
      monotonicMs: 7,
      wallMs: 8,
      wallQuality: 'none',
      code: 'x',
      fields: { y: true },
    };
    const payload = commit([event, ...observations], new Dictionary(), 0, new Map([['sentilo', 3]]));
    expect(hex(payload)).toBe(
      [
        '87', // array(7)
        '826773656e74696c6f03', // ["sentilo", 3]
        definitions,
        '816162', // ["b"]
        '841903e8192710190fa000', // [1000, 10000, 4000, 0]: first time, its interval, what wall time is ahead, of sequences
        '8187066162' + '0708646e6f6e656178826179f5', // [[6 (event), "b", 7, 8, "none", "x", ["y", true]]]
        'f6', // null: the event has the first sequence
        '4f8b', // bytes(15) of an array(11):
        '010102', // 1 run, id 0 is 1 more than -1, 2 records
        '000000', // times: exponent 0, no more and no less than the interval; wall time no further ahead
        '018218cd01f6', // values: exponent 1, [205, 1], no floats
        '0000', // synced, boot 0
      ].join(''),
    );
  });

  it('are those of RFC 8949 and RFC 1951 for a block', () => {
    const records = observations.map((record, i) => ({ sequence: 4 + 2 * i, record }));
    const { payload } = encodeBlock(records, new Dictionary(), 0);
    // array(3): [4, 6, 2, 0, 5000, 15000, 1 series, id 0], the definitions, a byte string
    const head = `838804060200191388193a980101${definitions}`;
    expect(hex(payload).slice(0, head.length)).toBe(head);
    const bytes = payload.subarray(head.length / 2);
    const length = bytes[0] === 0x58 ? 2 : 1;
    expect(hex(inflateRawSync(bytes.subarray(length)))).toBe(
      [
        '85' + '816162', // array(5): ["b"]
        '841903e8192710190fa002', // as above; sequences grow by 2
        'f6f6', // no other records
        '508c', // bytes(16) of an array(12):
        '010002' + '000000' + '018218cd01f6' + '0000', // as above, but that the id is the one in the summary
        '00', // sequences: from the first on, no more and no less than the interval
      ].join(''),
    );
  });

  it('hold the raw floats of RFC 8746, little-endian, where no decimal comes back', () => {
    const values = [1 / 3, Math.fround(1 / 3)];
    const singles = values.map((value) => commit([plainObservation(0, { value })]));
    // 1/3 is 3fd5555555555555 as binary64 (tag 86), 3eaaaaab as binary32 (tag 85)
    expect(hex(singles[0] as Uint8Array)).toContain('20f6d856485555555555' + '55d53f');
    expect(hex(singles[1] as Uint8Array)).toContain('20f6d85544abaaaa3e');
  });
});

describe('bytes that are no payload', () => {
  it('give nothing, and never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const dictionary = new Dictionary();
        expect(decodeCommit(bytes, 1, dictionary)).toBeUndefined();
        expect(decodeBlock(bytes, dictionary)).toBeUndefined();
        expect(decodeBlockSummary(bytes)).toBeUndefined();
        expect(readLowWaters(bytes)).toEqual(new Map());
        learnFrom(bytes, dictionary);
        expect(dictionary.all()).toEqual([]);
      }),
    );
  });

  it('raise no error either when they are a payload in which some bytes were changed', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(stored, fc.array(change, { minLength: 1, maxLength: 4 }), (all, changes) => {
        const payloads = [commit(all.map(({ record }) => record)), block(all).payload].map((payload) => Uint8Array.from(payload));
        for (const payload of payloads) {
          for (const { at, to } of changes) payload[at % payload.length] = to;
          const dictionary = new Dictionary();
          decodeCommit(payload, 1, dictionary);
          decodeBlock(payload, dictionary);
          decodeBlockSummary(payload);
          readLowWaters(payload);
          learnFrom(payload, dictionary);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** 200 sensors every ten seconds, with 0 to 5 ms of jitter; values walk by a hundredth unless told otherwise. */
function thermometers(count: number, valueAt?: (i: number) => number): Observation[] {
  const [random] = fc.sample(
    fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 2 })), { minLength: count, maxLength: count, size: 'max' }),
    {
      numRuns: 1,
      seed: 1,
    },
  ) as [[number, number][]];
  const walks = Array.from({ length: 200 }, (_, sensor) => 1500 + 5 * sensor);
  return random.map(([jitter, walk], i) => {
    const sensor = i % 200;
    walks[sensor] = (walks[sensor] as number) + walk - 1;
    const monotonicMs = 5_000_000 + 10_000 * Math.floor(i / 200) + 50 * sensor + jitter;
    return plainObservation(0, {
      sensor: `makers-node${sensor}-temperature`,
      channel: `node${sensor}.temperature`,
      monotonicMs,
      wallMs: 1_780_000_000_000 + monotonicMs,
      value: valueAt?.(i) ?? (walks[sensor] as number) / 100,
    });
  });
}
