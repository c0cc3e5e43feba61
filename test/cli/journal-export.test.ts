// `barri journal export` of journals that were kept on the real disk.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeMultiple } from 'cbor-x';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { barri, ROOT } from './in-process.ts';
import { contentsOf, DAY_MS, hall, keep, minutes, temporaryState } from './journal-kit.ts';

let state: string;
let remove: () => void;
beforeEach(() => {
  ({ state, remove } = temporaryState());
});
afterEach(() => remove());

const journal = (...args: string[]) => barri(['journal', ...args]);
const folder = () => join(state, 'journal');

function rowsOf(csv: string): string[][] {
  return csv
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
}

describe('export', () => {
  const values = async (...args: string[]) => {
    const { out, code, err } = await journal('export', '--state', state, ...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return rowsOf(out)
      .slice(1)
      .map(([sensor, , , value]) => `${sensor} ${value}`);
  };

  test('gives every reading of the journal, once', async () => {
    await keep(state, minutes(2_000));
    const expected = minutes(2_000).map(({ sensor, value }) => `${sensor} ${value}`);
    expect((await values()).sort()).toEqual(expected.sort());
  });

  test('gives a sensor and a time: with the first moment, without the end', async () => {
    await keep(state, minutes(2_000));
    const range = ['--from', '2026-11-25T01:00', '--to', '2026-11-25T01:03'];
    const expected = ['makers-hall-temperature 60', 'makers-hall-temperature 61', 'makers-hall-temperature 62'];
    expect(await values('--sensor', 'makers-hall-temperature', ...range)).toEqual(expected);
    expect(await values('--sensor', 'hall.temperature', ...range)).toEqual(expected);
    expect(await values('--sensor', 'hall.temperature', '--sensor', 'makers-balcony-humidity', ...range)).toHaveLength(6);
    expect(await values('--sensor', 'hall.temperature', '--from', '2026-11-25', '--to', '2026-11-25')).toHaveLength(1_440);
    expect(await values('--sensor', 'hall.temperature', '--from', '2026-11-25T02:00+01:00', '--to', '2026-11-25T01:01Z')).toEqual(
      ['makers-hall-temperature 60'],
    );
  });

  test('gives readings from before the clock was set in the range of their right time', async () => {
    const unset = { wallQuality: 'none', boot: 'b2' } as const;
    await keep(state, [
      hall(0, { ...unset, monotonicMs: 1_000, wallMs: 1_000, value: 7 }),
      {
        kind: 'anchor',
        boot: 'b2',
        monotonicMs: 61_000,
        wallMs: DAY_MS + 3_600_000,
        wallQuality: 'synced',
        source: 'ntp',
        errorMs: 1,
      },
    ]);
    const { out, err } = await journal('export', '--state', state, '--from', '2026-11-25T00:58', '--to', '2026-11-25T01:00');
    expect(err).toBe('');
    expect(rowsOf(out)[1]?.slice(2, 4)).toEqual(['2026-11-25T00:59:00.000Z', '7']);
  });

  test('leaves out readings without a known time where there is a range, and says how many', async () => {
    await keep(state, [hall(0, { wallQuality: 'none', boot: 'b2', wallMs: 5 }), hall(1)]);
    const { out, err } = await journal('export', '--state', state, '--from', '2026-11-25');
    expect(rowsOf(out)).toHaveLength(2);
    expect(err).toContain('1 record without a known time left out');
    expect(rowsOf((await journal('export', '--state', state)).out)).toHaveLength(3);
  });

  test('gives a reading that the city refused for now once', async () => {
    const [sequence = 0] = await keep(state, [hall(1)]);
    await keep(state, [hall(1, { heldFrom: sequence }), hall(2)]);
    expect(await values()).toEqual(['makers-hall-temperature 1', 'makers-hall-temperature 2']);
  });

  test('finds a sensor by device and reading in the site file', async () => {
    const site = join(state, 'trial.gateway.yaml');
    const devices = 'hall: { board: sht31@1, via: i2c1, every: 5s }';
    writeFileSync(site, `schema: gateway/v1\ngateway: { id: trial }\nbuses: { i2c1: { type: i2c } }\ndevices: { ${devices} }\n`);
    await keep(state, [hall(1, { sensor: 'trial-hall-temperature' }), hall(2, { sensor: 'old-hall-temperature' })]);
    const exported = (...args: string[]) => journal('export', site, '--state', state, '--sensor', ...args);
    expect(
      rowsOf((await exported('hall.temperature')).out)
        .slice(1)
        .map(([sensor]) => sensor),
    ).toEqual(['trial-hall-temperature']);
    const none = await exported('hall.humidity');
    expect(none.code).toBe(0);
    expect(none.err).toContain('Nothing in the journal matches');
    expect((await exported('hall.humidty')).err).toContain('there is: hall.humidity');
  });

  test('writes JSON lines and CBOR to a file', async () => {
    await keep(state, minutes(1_500));
    const files = { jsonl: join(state, 'all.jsonl'), cbor: join(state, 'all.cbor') };
    for (const [format, out] of Object.entries(files)) {
      const ended = await journal('export', '--state', state, '--format', format, '--out', out);
      expect(ended).toEqual({ code: 0, out: '', err: `3,000 records written to ${out}\n` });
    }
    const lines = readFileSync(files.jsonl, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(3_000);
    expect(decodeMultiple(readFileSync(files.cbor))).toEqual(lines.map((line) => JSON.parse(line)));
  });

  test.each(['csv', 'jsonl', 'cbor'])('leaves a file that is there as it is when nothing matches: %s', async (format) => {
    await keep(state, [hall(1)]);
    const out = join(state, 'week');
    const args = ['--state', state, '--to', '2026-11-24', '--format', format, '--out'];
    writeFileSync(out, 'what was exported last week');
    const { code, err } = await journal('export', ...args, out);
    expect(code).toBe(0);
    expect(err).toContain('Nothing in the journal matches: `barri journal inspect` shows which times it holds.\n');
    expect(err).toMatch(/No \w+ was written to .*week\.\n$/);
    expect(readFileSync(out, 'utf8')).toBe('what was exported last week');
    await journal('export', ...args, join(state, 'new'));
    expect(readdirSync(state)).toEqual(['journal', 'week']);
  });

  test('counts what has no place in CSV', async () => {
    const stamp = { boot: 'b1', monotonicMs: 1, wallMs: DAY_MS, wallQuality: 'synced' } as const;
    const event = { ...stamp, kind: 'event', code: 'gateway-started', fields: {} } as const;
    const leftOut =
      '2 other records left out (events, time anchors, gaps): CSV holds readings only, --format jsonl all of them.\n';
    await keep(state, [event, hall(1), { ...stamp, kind: 'anchor', source: 'ntp', errorMs: 1 }]);
    const out = join(state, 'all.csv');
    const err = async (...args: string[]) => (await journal('export', '--state', state, ...args)).err;
    expect(await err('--out', out)).toBe(`1 reading written to ${out}\n${leftOut}`);
    expect(await err('--out', out, '--sensor', 'hall.temperature')).toBe(`1 reading written to ${out}\n`);
    expect(await err('--out', out, '--format', 'jsonl')).toBe(`3 records written to ${out}\n`);
    expect(await err('--to', '2026-11-25T00:01')).toBe(leftOut);
    expect(await err('--to', '2026-11-25T00:01', '--out', out)).toBe(`No reading was written to ${out}.\n${leftOut}`);
    expect(await err()).toBe('');
  });

  test.each([
    { says: 'a time that is none', args: ['--from', 'yesterday'], message: 'error[B122] --from yesterday', code: 2 },
    { says: 'an empty range', args: ['--from', '1d', '--to', '2d'], message: 'error[B123]', code: 2 },
    { says: 'an unknown sensor', args: ['--sensor', 'hall.temperatur'], message: 'there is: hall.temperature', code: 2 },
    { says: 'an unknown form', args: ['--format', 'xml'], message: "argument 'xml' is invalid", code: 2 },
    {
      says: 'a full disk',
      args: ['--out', '/dev/full'],
      message: 'error[B127] /dev/full cannot be written: the disk is full',
      code: 75,
    },
    { says: 'a folder that is not there', args: ['--out', '/nowhere/x.csv'], message: 'there is no such folder', code: 2 },
    { says: 'a folder', args: ['--out', '/tmp'], message: 'error[B127] /tmp cannot be written: it is a folder', code: 2 },
    { says: 'a name that is too long', args: ['--out', `/tmp/${'x'.repeat(300)}`], message: 'its name is too long', code: 2 },
    { says: 'an empty name', args: ['--out', ''], message: 'It is empty: name a file.', code: 2 },
  ])('says $says', async ({ args, message, code }) => {
    await keep(state, minutes(2));
    const ended = await journal('export', '--state', state, ...args);
    expect(ended.err).toContain(message);
    expect(ended).toMatchObject({ code, out: '' });
  });

  test('counts the sensors that are not listed', async () => {
    const sensors = Array.from({ length: 14 }, (_, index) => String.fromCharCode(97 + index).repeat(9));
    await keep(
      state,
      sensors.map((sensor, minute) => hall(minute, { sensor, channel: sensor })),
    );
    const { err } = await journal('export', '--state', state, '--sensor', '0000.0000');
    expect(err).toContain(`there is: ${sensors.slice(0, 10).join(', ')}, and 4 more\n`);
  });

  test('says in its help that a file which is there is replaced', async () => {
    expect((await journal('export', '--help')).out.replaceAll(/\s+/g, ' ')).toContain('one that is there is replaced');
  });

  test('never writes over the journal', async () => {
    await keep(state, minutes(2));
    const before = contentsOf(folder());
    const { code, err } = await journal('export', '--state', state, '--out', join(folder(), 'slot-000'));
    expect(code).toBe(2);
    expect(err).toContain('error[B126]');
    expect(contentsOf(folder())).toEqual(before);
  });

  test('ends quietly when its reader goes away, whatever is still to come', async () => {
    await keep(state, minutes(5_000));
    const args = ['--import', 'tsx', 'cli/main.ts', 'journal', 'export', '--state', state, '--format', 'jsonl'];
    const child = spawn(process.execPath, args, { cwd: ROOT });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, err }).toEqual({ code: 0, err: '' });
  }, 20_000);

  test.each(['export', 'salvage'])(
    'claims nothing when the reader of its file goes away: %s',
    async (command) => {
      await keep(state, minutes(5_000));
      const what = command === 'export' ? `export --state ${state}` : `salvage ${state}`;
      // The standard output must be a pipe: what node gives its children is a socket, which cannot be opened by its name.
      const line = `{ "${process.execPath}" --import tsx cli/main.ts journal ${what} --out /dev/stdout; echo "code $?" >&2; } | head -n 1`;
      const child = spawn('sh', ['-c', line], { cwd: ROOT });
      let err = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
      child.stdout.resume();
      await new Promise((resolve) => child.on('close', resolve));
      expect(err).toBe('code 0\n');
    },
    20_000,
  );
});
