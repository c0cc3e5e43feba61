import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { boardList } from '../../cli/board-list.ts';
import { renderBoards } from '../../cli/render-boards.ts';
import { displayWidth } from '../../cli/table.ts';
import { barri, ROOT } from './in-process.ts';

interface Board {
  readonly id: string;
  readonly status: string;
  readonly needs: string;
  readonly label: { readonly en: string };
}

/** The boards as their files say it, read by another way. */
const BOARDS = readdirSync(join(ROOT, 'boards'))
  .filter((name) => name.endsWith('.board.yaml'))
  .map((name) => parse(readFileSync(join(ROOT, 'boards', name), 'utf8')) as Board);
const { files, elsewhere } = parse(readFileSync(join(ROOT, 'boards/vectors.yaml'), 'utf8')) as {
  readonly files: Readonly<Record<string, { proves?: Record<string, string[]>; unused?: Record<string, string> }>>;
  readonly elsewhere: Readonly<Record<string, { count: number; why: string }>>;
};

const folder = mkdtempSync(join(tmpdir(), 'barri-boards-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('barri board list', () => {
  test('shows every board with its label, what it needs and its status, and counts them', async () => {
    const { code, out, err } = await barri(['board', 'list']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const { id, label, needs, status } of BOARDS) {
      expect(out).toContain(`${id.padEnd(28)}${label.en}\n${''.padEnd(28)}${needs}, ${status}, `);
    }
    const countOf = (status: string) => BOARDS.filter((board) => board.status === status).length;
    expect(out).toContain(`\n${countOf('verified')} verified: `);
    expect(out).toContain(`\n${countOf('community')} community: `);
  });

  test('names what proves each verified board, and everything that is not used with its reason', async () => {
    const { out } = await barri(['board', 'list']);
    for (const [file, { proves = {}, unused = {} }] of Object.entries(files)) {
      for (const ids of Object.values(proves)) expect(out).toContain(`${file}: ${ids.join(', ')}`);
      for (const [id, why] of Object.entries(unused)) {
        expect(out).toMatch(new RegExp(`^${file} .*${id.replaceAll('.', '\\.')}.*: `, 'm'));
        expect(out).toContain(`: ${why}\n`);
      }
    }
    for (const [file, { count, why }] of Object.entries(elsewhere)) {
      expect(out).toContain(`${file.padEnd(28)}all ${count}: ${why}\n`);
    }
  });

  test('fits on a terminal', async () => {
    const { out } = await barri(['board', 'list'], {}, 80);
    expect(out.split('\n').filter((line) => displayWidth(line) > 80)).toEqual([]);
  });

  test('says the same as JSON', async () => {
    const list = JSON.parse((await barri(['board', 'list', '--json'])).out);
    expect(list.boards.map(({ id }: { id: string }) => id)).toEqual(BOARDS.map(({ id }) => id));
    expect(list.verifiedCount + list.communityCount).toBe(BOARDS.length);
    expect(list.unused.length).toBeGreaterThan(Object.keys(elsewhere).length);
  });
});

describe('of boards that are not in order', () => {
  const board = (id: string, rest: string) =>
    `schema: board/v1\nid: ${id}\nversion: 1.0.0\nlabel: { en: Trial }\nstatus: verified\n${rest}\n`;
  const put = (name: string, text: string) => {
    mkdirSync(join(folder, 'boards'), { recursive: true });
    writeFileSync(join(folder, 'boards', name), text);
  };

  test('it says which do not run and why, which have errors, and which only call themselves verified', async () => {
    put('vectors.yaml', 'schema: board-vectors/v1\nfiles: {}\nelsewhere: {}\n');
    const light = 'readings: { light: { quantity: illuminance, unit: lx } }';
    put('driverless.board.yaml', board('driverless', `needs: i2c\ndriver: bh9999\n${light}`));
    put('ports.board.yaml', board('ports', 'needs: serial\nserial: { baud: 9600 }\ndriver: sds011\nprovides: { a0: analog }'));
    put(
      'good.board.yaml',
      board(
        'good',
        `needs: digital_out\ndriver: digital-out\nwith: { active: { type: choice, default: high, choices: [low, high] } }\noutputs: { lamp: { quantity: switch_state, unit: bool, safe: off } }`,
      ),
    );
    put('broken.board.yaml', 'schema: board/v1\nid: broken\n');
    const list = await boardList(folder);
    const out = renderBoards(list, { columns: 1_000 });
    expect(out).toContain('i2c, calls itself verified, does not run: this version has no driver `bh9999`\n');
    expect(out).toContain('serial, calls itself verified, does not run: this version cannot use its ports\n');
    expect(out).toContain('digital_out, calls itself verified, runs\n');
    expect(out).toContain(
      `broken${' '.repeat(22)}has errors: \`barri check ${join(folder, 'boards/broken.board.yaml')}\` shows them\n`,
    );
    expect(out).toContain('\n0 verified: ');
    expect(out).toContain('\n3 community: ');
  });
});
