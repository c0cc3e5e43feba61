import { closeSync, ftruncateSync, lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../gateway/journal/journal.ts';
import { openJournal } from '../../gateway/journal/open-journal.ts';
import { realClock, realHost } from '../../gateway/real-host.ts';
import { barri } from '../cli/in-process.ts';
import { PUT_NO_FILE } from '../support/no-files.ts';
import { appendAll, storedValues, upTo } from './kit.ts';

const SPARSE_BYTES = 10 * 1024 ** 3;
/** Ten records fill a slot, and a hundred are in block files. */
const SIZES = { slotBytes: 40_960, slotCount: 4, blockFileBytes: 65_536 };
const RECORD_COUNT = 100;

let state: string;
let folder: string;
const closers: (() => void)[] = [];
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'barri-foreign-'));
  folder = join(state, 'journal');
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
  rmSync(state, { recursive: true, force: true });
});

async function openHere(log: (code: string, fields: unknown) => void = () => {}): Promise<Journal> {
  return await openJournal(realHost(() => {}).disk, folder, {
    clock: realClock(),
    log: (_level, code, fields) => log(code, fields),
    syncMs: 0,
    maxSizeBytes: 8 << 20,
    keepMs: 1e12,
    ...SIZES,
  });
}

/** A journal with records in block files and slots, of which the city has the first ten. */
async function kept(): Promise<void> {
  const journal = await openHere();
  for (let value = 1; value <= RECORD_COUNT; value++) await appendAll(journal, value, value);
  const delivery = await journal.delivery('sentilo');
  delivery.settle([], upTo(10));
  await delivery.flush();
  await journal.close();
}

const PUT: Readonly<Record<string, (path: string) => Promise<() => void>>> = {
  ...PUT_NO_FILE,
  'too-large': async (path) => {
    const file = openSync(path, 'w');
    ftruncateSync(file, SPARSE_BYTES);
    closeSync(file);
    return () => {};
  },
};

async function put(what: string, name: string): Promise<void> {
  const end = await PUT[what]?.(join(folder, name));
  if (end !== undefined) closers.push(end);
}

/** What stands under the name, or under the one that it got instead. */
function found(name: string): string {
  const path = readdirSync(folder).includes(`${name}.foreign`) ? join(folder, `${name}.foreign`) : join(folder, name);
  const stats = lstatSync(path);
  if (stats.isSymbolicLink() && statSync(path).isCharacterDevice()) return 'device';
  if (stats.isFile() && stats.size === SPARSE_BYTES) return 'too-large';
  if (stats.isDirectory()) return 'folder';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'file';
}

const NAMES = ['slot-007', 'gauges-000000000042.blocks', 'gauges-000000009999.blocks', 'sentilo.cursor', 'losses'];

describe.each(Object.keys(PUT))('a %s', (what) => {
  it.each(NAMES)('under the name %s is named and left, and the journal goes on without it', async (name) => {
    await kept();
    rmSync(join(folder, name), { force: true });
    await put(what, name);
    const logged: unknown[] = [];
    const journal = await openHere((code, fields) => code === 'journal-damage' && logged.push(fields));
    expect(journal.stats().damage).toMatchObject([{ file: name, kind: 'foreign', what }]);
    expect(logged).toMatchObject([{ file: name, kind: 'foreign', what }]);
    expect(journal.stats().sizeBytes).toBeLessThan(SPARSE_BYTES);
    expect(await storedValues(journal)).toEqual(upTo(RECORD_COUNT));
    for (let value = RECORD_COUNT + 1; value <= 2 * RECORD_COUNT; value++) await appendAll(journal, value, value);
    const delivery = await journal.delivery('sentilo');
    await delivery.begin([RECORD_COUNT + 1]);
    await journal.close();
    expect(found(name)).toBe(what);
    const again = await openHere();
    expect(await storedValues(again)).toEqual(upTo(2 * RECORD_COUNT));
    expect((await again.delivery('sentilo')).unresolved.some(({ last }) => last === RECORD_COUNT + 1)).toBe(true);
    await again.close();
    expect(found(name)).toBe(what);
  });

  it('under the name of a slot is passed over when slots are made', async () => {
    mkdirSync(folder, { recursive: true });
    await put(what, 'slot-000');
    const journal = await openHere();
    await appendAll(journal, 1, 5);
    expect(await storedValues(journal)).toEqual(upTo(5));
    await journal.close();
    expect(found('slot-000')).toBe(what);
  });

  it('under the name of a file that is being made is in nobody’s way', async () => {
    await kept();
    const blocks = 'gauges-000000000001.blocks';
    await put(what, `${blocks}.new`);
    for (const name of ['sentilo.cursor', 'losses']) {
      for (const path of [name, `${name}.new`]) rmSync(join(folder, path));
      await put(what, `${name}.new`);
    }
    const journal = await openHere();
    await appendAll(journal, RECORD_COUNT + 1, RECORD_COUNT + 1);
    await (await journal.delivery('sentilo')).begin([RECORD_COUNT + 1]);
    await journal.close();
    for (const name of ['sentilo.cursor', 'losses']) {
      expect(statSync(join(folder, name)).isFile()).toBe(true);
      expect(found(`${name}.new`)).toBe(what);
    }
    expect(found(`${blocks}.new`)).toBe(what);
  });

  it('is named by the commands that only look', async () => {
    await kept();
    for (const name of NAMES) {
      rmSync(join(folder, name), { force: true });
      await put(what, name);
    }
    const inspected = await barri(['journal', 'inspect', '--state', state]);
    const verified = await barri(['journal', 'verify', '--state', state]);
    for (const name of NAMES)
      for (const { out } of [inspected, verified]) expect(out).toMatch(new RegExp(`^(Damage)? *${name} `, 'm'));
    expect(inspected.code).toBe(1);
    expect(verified.code).toBe(1);
    for (const name of NAMES) expect(found(name)).toBe(what);
  });
});

/** Makes a file of the journal end after 10 GiB. */
function lengthen(name: string): void {
  const file = openSync(join(folder, name), 'r+');
  ftruncateSync(file, SPARSE_BYTES);
  closeSync(file);
}

describe('a file of the journal that was made far too long', () => {
  it.each(['gauges-', 'slot-'])('still gives what stands at its beginning (%s)', async (prefix) => {
    await kept();
    const journal = await openHere();
    const files = journal.stats().files.filter(({ file, recordCount }) => file.startsWith(prefix) && recordCount > 0);
    await journal.close();
    const name = files[0]?.file ?? '';
    lengthen(name);
    const again = await openHere();
    expect(again.stats().damage).toMatchObject([{ file: name, kind: 'foreign', what: 'too-large' }]);
    expect(again.stats().damage[0]?.offset).toBeGreaterThan(0);
    expect(await storedValues(again)).toEqual(upTo(RECORD_COUNT));
    await appendAll(again, RECORD_COUNT + 1, RECORD_COUNT + 1);
    await again.close();
    expect(statSync(join(folder, name)).size).toBe(SPARSE_BYTES);
  });
});
