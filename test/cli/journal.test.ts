// `barri journal` on journals that were kept on the real disk, damaged by hand, or belong to a gateway that runs.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { decodeMultiple } from 'cbor-x';
import { describe, expect, test } from 'vitest';
import { socketPath } from '../../gateway/local-api.ts';
import { realHost } from '../../gateway/real-host.ts';
import type { Gap } from '../../gateway/record.ts';
import { barri } from './in-process.ts';
import { contentsOf, DAY_MS, damage, hall, keep, minutes, openReal, STORED, serveStatus, stateForEach } from './journal-kit.ts';

let state: string;
const cleanUps = stateForEach((temporary) => {
  state = temporary;
});

const journal = (...args: string[]) => barri(['journal', ...args]);
const folder = () => join(state, 'journal');

const damageFile = (name: RegExp, part?: number) => damage(folder(), name, part);
const serve = async (...status: [stored: object, more?: object]) => {
  cleanUps.push(await serveStatus(state, ...status));
};

test('sequences that were only left out are no loss', async () => {
  const leftOut: Gap = {
    ...{ kind: 'gap', boot: 'b1', monotonicMs: 0, wallMs: DAY_MS, wallQuality: 'synced', cause: 'left-out' },
    ...{ firstSequence: 2, lastSequence: 65_537, count: 0 },
  };
  await keep(state, [hall(1), leftOut]);
  expect((await journal('inspect', '--state', state)).out).toContain('nothing that is known of');
  expect((await journal('verify', '--state', state)).out).not.toContain('on record');
  const { code, out } = await journal('salvage', state, '--out', join(state, 'saved.jsonl'));
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Nothing is lost.') });
});

// -------------------------------------------------------------------------------------------------------------- verify

describe('verify', () => {
  test('reads every record of a healthy journal and ends with 0', async () => {
    await keep(state, minutes(3_000));
    const { code, out } = await journal('verify', '--state', state);
    expect(out).toContain('6,000 records');
    expect(out).toContain('Every one is right.');
    expect(code).toBe(0);
  });

  test.each([
    { where: 'the history', name: /\.blocks$/, count: 8_000 },
    { where: 'a slot', name: /^slot-/, count: 500 },
  ])('names damage in $where: file, place, times, sensors, count; and ends with 1', async ({ name, count }) => {
    await keep(state, minutes(count));
    const file = damageFile(name);
    const { code, out } = await journal('verify', '--state', state);
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`${file}, [0-9,]+ bytes from [0-9,]+ on: damaged`));
    expect(out).toMatch(/2026-11-2\d \d\d:\d\d:\d\d to 2026-11-2\d \d\d:\d\d:\d\d UTC: (up to )?[0-9,]+ records/);
    expect(out).toMatch(/makers-(hall-temperature|balcony-humidity)/);
    for (const said of [out, (await journal('inspect', '--state', state)).out])
      expect(said).toContain('the card is dying: copy it with `barri journal salvage FOLDER --out FILE`');
    expect((await journal('export', '--state', state)).err).toContain('note: 1 damaged place in the journal');
    const { out: json } = await journal('verify', '--state', state, '--json');
    const { damage, readCount } = JSON.parse(json) as { damage: { file: string; loss: { count: number } }[]; readCount: number };
    expect(damage.map((each) => each.file)).toContain(file);
    // What is lost and what was read are together what was kept.
    expect(readCount + damage.reduce((sum, { loss }) => sum + loss.count, 0)).toBe(2 * count);
  });

  test.each([
    { of: 'zeros', damage: (bytes: Buffer) => bytes.fill(0) },
    { of: 'which the only block is damaged', damage: (bytes: Buffer) => bytes.fill(0xff, 200) },
  ])('names a file $of', async ({ damage }) => {
    await keep(state, minutes(3_000));
    const [file = ''] = readdirSync(folder()).filter((name) => name.endsWith('.blocks'));
    const bytes = readFileSync(join(folder(), file));
    damage(bytes);
    writeFileSync(join(folder(), file), bytes);
    const { code, out } = await journal('verify', '--state', state);
    expect(code).toBe(1);
    expect(out).toContain(`${file}, `);
    expect(out).toMatch(/up to [0-9,]+ records/);
  });

  test('names a file that was emptied in a copy which lacks the list of files', async () => {
    await keep(state, minutes(30_000), { blockFileBytes: 65_536 });
    const [file = ''] = readdirSync(folder()).filter((name) => name.endsWith('.blocks'));
    const path = join(folder(), file);
    writeFileSync(path, new Uint8Array(readFileSync(path).length));
    const { out: whole } = await journal('verify', '--state', state);
    rmSync(join(folder(), 'files'));
    const { code, out } = await journal('verify', '--state', state);
    expect(code).toBe(1);
    expect(out).toContain(`${file}, `);
    expect(out).toBe(whole);
  });

  test('reads a copy of a journal as well', async () => {
    await keep(state, minutes(10));
    const copy = join(state, 'copy');
    cpSync(folder(), copy, { recursive: true });
    expect((await journal('verify', '--state', copy)).out).toContain('20 records');
  });

  test('takes what a running gateway writes meanwhile for no damage', async () => {
    const gateway = await openReal(state);
    await Promise.all(minutes(50).map((record) => gateway.append(record)));
    await serve(STORED);
    const writing = (async () => {
      for (let minute = 50; minute < 3_000; minute += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, each) => gateway.append(hall(minute + each))));
      }
    })();
    const codes: number[] = [];
    for (let run = 0; run < 5; run++) codes.push((await journal('verify', '--state', state)).code);
    await writing;
    await gateway.close();
    expect(codes).toEqual([0, 0, 0, 0, 0]);
  });
});

// ------------------------------------------------------------------------------------------------------------- salvage

describe('salvage', () => {
  test('saves everything of a healthy journal with its sequences and ends with 0', async () => {
    const sequences = await keep(state, minutes(1_000));
    const saved = join(state, 'saved.jsonl');
    const { code, out } = await journal('salvage', state, '--out', saved);
    expect(code).toBe(0);
    expect(out).toContain('2,000 records');
    expect(out).toContain('Nothing is lost.');
    const lines = readFileSync(saved, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { sequence: number });
    expect(lines.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(sequences.sort((a, b) => a - b));
  });

  test('saves what is readable of a damaged one, says what is lost, changes nothing and ends with 1', async () => {
    await keep(state, minutes(8_000));
    damageFile(/\.blocks$/);
    const before = contentsOf(folder());
    const saved = join(state, 'saved.cbor');
    const { code, out } = await journal('salvage', folder(), '--out', saved, '--format', 'cbor', '--json');
    expect(code).toBe(1);
    const { savedCount, damage } = JSON.parse(out) as {
      savedCount: number;
      damage: { loss: { count: number; sensors: string[] } }[];
    };
    expect(decodeMultiple(readFileSync(saved))).toHaveLength(savedCount);
    expect(savedCount).toBeGreaterThan(1_000);
    expect(savedCount + damage.reduce((sum, { loss }) => sum + loss.count, 0)).toBe(16_000);
    expect(damage[0]?.loss.sensors).toEqual(['makers-balcony-humidity', 'makers-hall-temperature']);
    expect(contentsOf(folder())).toEqual(before);
  });

  test('names each sensor that may lack readings once', async () => {
    await keep(state, minutes(8_000));
    damageFile(/\.blocks$/);
    const { out } = await journal('salvage', state, '--out', join(state, 'saved.jsonl'));
    for (const sensor of ['makers-balcony-humidity', 'makers-hall-temperature']) {
      expect(out.split('\n').filter((line) => line.includes(sensor))).toEqual([
        expect.stringMatching(new RegExp(`^ +${sensor}: between 2026-11-2.* UTC and 2026-11-2.* UTC$`)),
      ]);
    }
  });

  test('refuses to write into the damaged folder', async () => {
    await keep(state, minutes(2));
    const { code, err } = await journal('salvage', state, '--out', join(folder(), 'saved.jsonl'));
    expect(code).toBe(2);
    expect(err).toContain('error[B126]');
    expect(existsSync(join(folder(), 'saved.jsonl'))).toBe(false);
  });

  test('is told from other folders', async () => {
    const other = join(state, 'photos');
    mkdirSync(other);
    for (const name of ['cat.jpg', 'files', 'losses', '2026-11-25.journal']) writeFileSync(join(other, name), '');
    const { code, err } = await journal('salvage', other, '--out', join(state, 'saved.jsonl'));
    expect(code).toBe(2);
    expect(err).toContain('error[B120] there is no journal in');
  });
});

// ---------------------------------------------------------------------------------------------------------------- wear

describe('wear', () => {
  test('is what the gateway that runs has counted, for a day', async () => {
    await keep(state, [hall(1)]);
    await serve(STORED);
    const { code, out } = await journal('wear', '--state', state);
    expect(code).toBe(0);
    expect(out).toContain('Measured  43 MB and 8,640 syncs in 12 h\nA day     86 MB and 17,280 syncs\n');
    const { out: json } = await journal('wear', '--state', state, '--json');
    expect(JSON.parse(json)).toMatchObject({ running: true, bytesPerDay: 86_400_000, syncsPerDay: 17_280, isRough: false });
  });

  test('is not made out for a day from a few seconds', async () => {
    await keep(state, [hall(1)]);
    await serve({ ...STORED, wear: { writtenBytes: 4_300_000, syncCount: 27, forMs: 21_000 } });
    const { out } = await journal('wear', '--state', state);
    expect(out).toContain('too little was measured to tell: making its slots alone costs 262 kB, once.');
    expect(out).not.toContain('years');
  });

  test('names the cost of the slots only where they were made', async () => {
    await keep(state, [hall(1)]);
    await serve({ ...STORED, wear: { writtenBytes: 43_000, syncCount: 27, forMs: 21_000 } });
    const { out } = await journal('wear', '--state', state);
    expect(out).toContain('too little was measured to tell. Ask again');
  });

  test('cannot be told from the files, which is said, with the way to measure it', async () => {
    await keep(state, [hall(1)]);
    const { code, err } = await journal('wear', '--state', state);
    expect(code).toBe(1);
    expect(err).toContain('nothing can be measured');
    expect(err).toContain(`ask again: \`barri journal wear --state ${state}\`\n`);
    const site = join(state, "my street's.gateway.yaml");
    writeFileSync(site, 'schema: gateway/v1\ngateway: { id: trial }\nbuses: {}\ndevices: {}\n');
    const again = await journal('wear', site, '--state', state);
    expect(again.err).toContain(`\`barri journal wear '${state}/my street'\\''s.gateway.yaml' --state ${state}\`\n`);
  });
});

describe('a gateway that runs and does not answer', () => {
  /** Takes the folder as a gateway does, in this process. */
  const take = async () => {
    await keep(state, minutes(2));
    cleanUps.push(await realHost(() => {}).lock(state));
  };
  /** The kernel takes connections for a process that is stopped: nobody answers on them. */
  const beSilent = async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socketPath(state), resolve));
    cleanUps.push(() => server.close());
  };
  const says = () => `error[B109] a gateway runs on ${state} (process ${process.pid}) and does not answer`;

  test.each([
    { because: 'its socket was deleted', prepare: async () => {} },
    { because: 'its process was stopped', prepare: beSilent },
  ])(
    'is said by status, with what the journal holds: $because',
    async ({ prepare }) => {
      await take();
      await prepare();
      const { code, out, err } = await barri(['status', '--state', state]);
      expect(err).toContain(says());
      expect(err).toContain(`kill -CONT ${process.pid}`);
      expect(out).toContain('4 records');
      expect(out).not.toContain('No gateway runs');
      expect(code).toBe(1);
      const { out: json } = await barri(['status', '--state', state, '--json']);
      expect(JSON.parse(json)).toMatchObject({ running: true, answering: false, pid: process.pid, stored: { recordCount: 4 } });
    },
    30_000,
  );

  test('is said by wear', async () => {
    await take();
    const { code, err } = await journal('wear', '--state', state);
    expect(err).toContain(says());
    expect(err).not.toContain('start the gateway');
    expect(err).toContain('4 records');
    expect(code).toBe(1);
  });

  test('is known to be writing', async () => {
    await take();
    const { out, err } = await journal('inspect', '--state', state, '--json');
    expect(JSON.parse(out)).toMatchObject({ isRunning: true, recordCount: 4 });
    expect(err).toContain('A gateway is running on this journal');
  });
});

describe('simulated readings are said to be simulated', () => {
  const note = () => expect.stringMatching(`note: the readings in ${state}.* are simulated\n`);

  test.each([['journal', 'inspect'], ['journal', 'verify'], ['status']])('by %s %s', async (...words: string[]) => {
    await keep(state, [hall(1)]);
    const look = () => barri([...words.filter((word) => word !== undefined), '--state', state]);
    expect((await look()).err).toBe('');
    writeFileSync(join(state, 'simulated'), '');
    expect((await look()).err).toEqual(note());
  });

  test('by status beside the gateway that runs', async () => {
    await keep(state, [hall(1)]);
    writeFileSync(join(state, 'simulated'), '');
    await serve(STORED, { measuring: { answeringCount: 0, deviceCount: 0 } });
    const { out, err } = await barri(['status', '--state', state, '--json']);
    expect(JSON.parse(out)).toMatchObject({ running: true });
    expect(err).toEqual(note());
  });
});
