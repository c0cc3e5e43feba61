// Where records go: files, links, devices and the standard output.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Io } from '../../cli/io.ts';
import { liesIn, OutputError, openOutput } from '../../cli/journal-output.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { ROOT } from './in-process.ts';
import { hall, keep, minutes, temporaryState } from './journal-kit.ts';

let state: string;
let remove: () => void;
beforeEach(() => {
  ({ state, remove } = temporaryState());
});
afterEach(() => remove());

const io = {} as Io;

async function write(path: string, text: string): Promise<void> {
  const output = await openOutput(path, io);
  await output.write(text);
  await output.finish();
}

describe('an output file', () => {
  test('has its name only when it is whole, and takes the place of an earlier one', async () => {
    const path = join(state, 'week.csv');
    writeFileSync(path, 'before');
    const output = await openOutput(path, io);
    await output.write('after');
    expect(readFileSync(path, 'utf8')).toBe('before');
    await output.finish();
    expect(readFileSync(path, 'utf8')).toBe('after');
    expect(existsSync(`${path}.partial`)).toBe(false);
  });

  test('leaves nothing when it is given up', async () => {
    const path = join(state, 'week.csv');
    const output = await openOutput(path, io);
    await output.write('x'.repeat(1_000_000));
    await output.discard();
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });

  test.each([
    { says: 'a full disk', path: () => '/dev/full', code: 'ENOSPC' },
    { says: 'a folder that is not there', path: () => join(state, 'nowhere/week.csv'), code: 'ENOENT' },
    { says: 'a folder', path: () => state, code: 'EISDIR' },
  ])('says $says', async ({ path, code }) => {
    const writing = (async () => {
      const output = await openOutput(path(), io);
      try {
        await output.write('x'.repeat(1_000_000));
        await output.finish();
      } finally {
        await output.discard();
      }
    })();
    await expect(writing).rejects.toMatchObject({ name: OutputError.name, code });
  });

  test('is found out to lie in the journal, also through a link', async () => {
    const journal = join(state, 'journal');
    mkdirSync(journal);
    symlinkSync(journal, join(state, 'link'));
    expect(await liesIn(join(journal, 'slot-000'), journal)).toBe(true);
    expect(await liesIn(join(state, 'link', 'new.csv'), journal)).toBe(true);
    expect(await liesIn(join(journal, '../new.csv'), journal)).toBe(false);
    expect(await liesIn(join(state, 'journal.csv'), journal)).toBe(false);
  });

  test('is found out to lie in the journal through a link to a file, whether that is there or not', async () => {
    const journal = join(state, 'journal');
    mkdirSync(journal);
    writeFileSync(join(journal, 'slot-000'), 'records');
    for (const name of ['slot-000', 'slot-001']) {
      symlinkSync(join(journal, name), join(state, name));
      symlinkSync(name, join(state, `${name}.csv`));
      expect(await liesIn(join(state, `${name}.csv`), journal)).toBe(true);
    }
  });

  test('writes through no link that has the name of the unfinished file', async () => {
    writeFileSync(join(state, 'slot-000'), 'records');
    symlinkSync('slot-000', join(state, 'week.csv.partial'));
    await write(join(state, 'week.csv'), 'readings');
    expect(readFileSync(join(state, 'slot-000'), 'utf8')).toBe('records');
    expect(readFileSync(join(state, 'week.csv'), 'utf8')).toBe('readings');
  });

  test.each(['that is there', 'that is not there yet'])('is the target of a link, and the link stays one: %s', async (when) => {
    mkdirSync(join(state, 'card'));
    const target = join(state, 'card/week.csv');
    if (when === 'that is there') writeFileSync(target, 'before');
    symlinkSync('card/week.csv', join(state, 'week.csv'));
    await write(join(state, 'week.csv'), 'after');
    expect(readFileSync(target, 'utf8')).toBe('after');
    expect(readlinkSync(join(state, 'week.csv'))).toBe('card/week.csv');
    expect(readdirSync(join(state, 'card'))).toEqual(['week.csv']);
  });

  test.runIf(canMount())('is written through a link to another disk', async () => {
    const disk = smallDisk();
    try {
      writeFileSync(join(disk.folder, 'week.csv'), 'before');
      symlinkSync(join(disk.folder, 'week.csv'), join(state, 'week.csv'));
      await write(join(state, 'week.csv'), 'after');
      expect(readFileSync(join(disk.folder, 'week.csv'), 'utf8')).toBe('after');
      expect(readdirSync(disk.folder)).toEqual(['week.csv']);
    } finally {
      disk.remove();
    }
  });

  test('may be the standard output, in the middle of what others write to it', async () => {
    await keep(state, [hall(1)]);
    const all = join(state, 'all.csv');
    const command = `"${process.execPath}" --import tsx cli/main.ts journal export --state ${state} --out /dev/stdout`;
    const line = `{ echo before; ${command}; echo after; } > ${all}`;
    const err = await new Promise((done) => execFile('sh', ['-c', line], { cwd: ROOT }, (_error, _out, text) => done(text)));
    expect(err).toBe('1 reading written to /dev/stdout\n');
    const lines = readFileSync(all, 'utf8').trimEnd().split(/\r?\n/);
    expect(lines).toEqual(['before', expect.stringContaining('sensor,'), expect.stringContaining('makers-hall'), 'after']);
  });
});

describe('a standard output that takes no more', () => {
  const cases = [
    { says: 'a full disk', to: '/dev/full', limit: '', message: 'the disk is full\n   = make room', code: 75 },
    { says: 'a file that gets too large', to: 'part', limit: 'ulimit -f 1', message: 'a file may not be that large', code: 2 },
  ];
  test.each(['csv', 'cbor'].flatMap((format) => cases.map((each) => ({ ...each, format }))))(
    'is said with what to do: $says, as $format',
    async ({ format, to, limit, message, code }) => {
      await keep(state, minutes(50));
      const command = `"${process.execPath}" --import tsx cli/main.ts journal export --state ${state} --format ${format}`;
      const line = `${limit}\n${command} > ${resolve(state, to)}; echo "code $?" >&2`;
      const err = await new Promise((done) => execFile('sh', ['-c', line], { cwd: ROOT }, (_error, _out, text) => done(text)));
      expect(err).toContain(`error[B127] the output cannot be written: ${message}`);
      expect(err).toMatch(new RegExp(`\ncode ${code}\n$`));
    },
  );
});
