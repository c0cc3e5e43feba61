import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { addCheck } from '../../cli/check.ts';
import type { Io } from '../../cli/io.ts';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { type JsonProblem, problemsAsJson, renderProblems, renderSummary } from '../../cli/render-problems.ts';
import { displayWidth } from '../../cli/table.ts';
import type { Problem } from '../../config/problem.ts';
import { readDocument } from '../../config/read-document.ts';
import { barri } from './in-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DATA = join(ROOT, 'test/data/config');
const LOOK = { isTerminal: false, columns: 100, rows: 40, env: {} };
const folder = mkdtempSync(join(tmpdir(), 'barri-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command and returns what it printed and its exit code. */
async function check(...words: string[]): Promise<{ out: string; exitCode: number }> {
  let out = '';
  let exitCode = 0;
  const io: Io = {
    ...LOOK,
    out: (text) => {
      out += text;
    },
    err: () => {},
    packageRoot: ROOT,
    fatal: (error) => {
      throw error;
    },
    setExitCode: (code) => {
      exitCode = Math.max(exitCode, code);
    },
  };
  const program = new Command();
  addCheck(program, io);
  await program.parseAsync(['node', 'barri', 'check', ...words]);
  return { out, exitCode };
}

async function checkJson(...words: string[]): Promise<readonly JsonProblem[]> {
  return (JSON.parse((await check('--json', ...words)).out) as { problems: JsonProblem[] }).problems;
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function problem(line: number, column: number, length: number, more: Partial<Problem> = {}): Problem {
  const place = { file: 'a.yaml', line, column, length };
  return {
    code: 'C033',
    severity: 'error',
    place,
    path: 'devices.air.every',
    parameters: { written: '30', number: '30' },
    ...more,
  };
}

describe('barri check', () => {
  it('shows all broken files in one run, each at its place', async () => {
    const expected: { file: string; at?: string; code: string; line: number; column: number }[] = JSON.parse(
      readFileSync(join(DATA, 'broken/expected.json'), 'utf8'),
    );
    expect(expected.length).toBeGreaterThanOrEqual(30);
    const found = (await checkJson(join(DATA, 'broken'))).map(
      ({ file, code, line, column }) => `${file} ${code} ${line}:${column}`,
    );
    const missing = expected
      .map(({ file, at, code, line, column }) => `${join(DATA, 'broken', at ?? file)} ${code} ${line}:${column}`)
      .filter((mark) => !found.includes(mark));
    expect(missing).toEqual([]);
  });

  it('ends with 0 without errors, although there are notes', async () => {
    const { out, exitCode } = await check(join(ROOT, 'examples/sites/carrer-demo.gateway.yaml'));
    expect(out).toMatch(/\n1 file: 0 errors, 0 warnings, \d+ notes?\n$/);
    expect(exitCode).toBe(0);
  });

  it('ends with 1 with an error, and is silent about notes with --quiet', async () => {
    const right = readFileSync(join(ROOT, 'examples/sites/districte.gateway.yaml'), 'utf8');
    const site = file('district.gateway.yaml', right.replace('eastron-sdm630@1', 'eastron-sdm63@1'));
    expect((await check(site)).out).toContain('note[');
    const { out, exitCode } = await check('--quiet', site);
    expect(exitCode).toBe(1);
    expect(out).toContain('error[C101]');
    expect(out).not.toContain('note[');
    expect((await check('--quiet', join(ROOT, 'boards'))).out).toBe('');
  });

  it('takes bad files as problems, and none hides the others', async () => {
    const names = [
      join(folder, 'missing.gateway.yaml'),
      file('empty.gateway.yaml', ''),
      file('binary.gateway.yaml', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0xff)),
      file('large.gateway.yaml', 'a'.repeat(10_000_000)),
      file('page.gateway.yaml', '<html>\n<a href="x">: {\n'),
      file('right.board.yaml', readFileSync(join(ROOT, 'boards/relay.board.yaml'))),
      join(DATA, 'broken/unknown-bus.gateway.yaml'),
    ];
    const problems = await checkJson(...names);
    expect(
      names.map((name) => problems.filter((one) => one.file === name && one.severity === 'error').map(({ code }) => code)),
    ).toEqual([['C001'], ['C004'], ['C005'], ['C003'], ['C006', 'C007'], [], ['C110']]);
    for (const { fix } of problems) expect(fix.length).toBeGreaterThan(0);
  });

  it.each([
    ['EACCES', 'C002'],
    ['EISDIR', 'C008'],
    ['EIO', 'C009'],
  ])('names a file that the system refuses with %s', async (code, expected) => {
    const document = await readDocument('a.yaml', { readFile: () => Promise.reject(Object.assign(new Error('no'), { code })) });
    expect(document.problems.map((one) => one.code)).toEqual([expected]);
  });

  it('looks for gateway and board files in folders, and says when there are none', async () => {
    mkdirSync(join(folder, 'sites/deep'), { recursive: true });
    mkdirSync(join(folder, 'none'));
    file('sites/deep/a.gateway.yaml', 'gateway: { id: a }\n');
    file('sites/deep/other.yaml', 'x: 1\n');
    expect((await checkJson(join(folder, 'sites'))).map(({ code, file }) => [code, file])).toEqual([
      ['C065', join(folder, 'sites/deep/a.gateway.yaml')],
    ]);
    expect((await checkJson(join(folder, 'none'))).map(({ code }) => code)).toEqual(['C068']);
    const { out } = await barri(['check', join(folder, 'sites')]);
    expect(out).toMatch(/\n1 other YAML file was not looked at: of a folder \*\.gateway\.yaml and \*\.board\.yaml are\n$/);
    expect((await barri(['check', join(folder, 'sites/deep/a.gateway.yaml')])).out).not.toContain('other YAML');
  });

  it('finds gateway.yaml and board.yaml too, and passes by pipes, links upwards and dependencies', async () => {
    const top = join(folder, 'etc');
    mkdirSync(join(top, 'sub'), { recursive: true });
    mkdirSync(join(top, 'node_modules'));
    for (const name of ['gateway.yaml', 'sub/board.yaml', 'node_modules/x.board.yaml', 'mygateway.yaml', 'a.gateway.yml'])
      file(`etc/${name}`, 'x: 1\n');
    symlinkSync(top, join(top, 'sub/up'));
    symlinkSync(join(top, 'gone'), join(top, 'gone.gateway.yaml'));
    spawnSync('sh', ['-c', 'mkfifo pipe.gateway.yaml'], { cwd: top });
    expect((await checkJson(top)).map((one) => [one.code, one.file])).toEqual([
      ['C065', join(top, 'gateway.yaml')],
      ['C001', join(top, 'gone.gateway.yaml')],
      ['C065', join(top, 'sub/board.yaml')],
    ]);
  });

  it('names a folder that this user may not read, and checks the others', async () => {
    const top = join(folder, 'closed');
    mkdirSync(join(top, 'shut'), { recursive: true });
    file('closed/a.gateway.yaml', 'x: 1\n');
    chmodSync(join(top, 'shut'), 0);
    chmodSync(folder, 0o755);
    // Root may read everything, so nobody looks; what the command needs is loaded before, by who may read the checkout.
    const isRoot = process.getuid?.() === 0;
    await checkJson(top);
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect((await checkJson(top)).map(({ code, file }) => [code, file])).toEqual([
        ['C002', join(top, 'shut')],
        ['C065', join(top, 'a.gateway.yaml')],
      ]);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it.each([
    ['twice', ['-', '-'], 'pipe', 'C004'],
    ['from a folder', ['-'], 'folder', 'C008'],
  ] as const)('takes the standard input %s', (_title, names, from, code) => {
    const run = spawnSync(process.execPath, ['--import', 'tsx', 'cli/main.ts', 'check', '--json', ...names], {
      cwd: ROOT,
      encoding: 'utf8',
      ...(from === 'pipe' ? { input: '' } : { stdio: [openSync(folder, 'r'), 'pipe', 'pipe'] }),
    });
    expect((JSON.parse(run.stdout) as { problems: JsonProblem[] }).problems.map((one) => one.code)).toEqual([code]);
  });

  it.each(['setup.yaml', 'city-outage.scenario.yaml'])('says that %s is not checked in this version', async (name) => {
    expect((await checkJson(join(DATA, 'cases', name))).map(({ code, severity }) => [code, severity])).toEqual([
      ['C067', 'note'],
    ]);
  });

  it('checks a simulated city, and has nothing against its many tokens', async () => {
    const tokens = Array.from({ length: 150 }, (_, index) => `  - { id: e${index}, kind: provider, token: t${index}abc }\n`).join(
      '',
    );
    const world = file('world.yaml', `schema: sentilo-world/v1\nentities:\n${tokens}`);
    expect(await checkJson(world)).toEqual([]);
    expect(await checkJson(join(ROOT, 'examples/world.yaml'))).toEqual([]);
    const wrong = file('wrong.yaml', `schema: sentilo-world/v1\nentities:\n${tokens}  - { id: e0, kind: provider, token: t0 }\n`);
    expect((await checkJson(wrong)).map(({ code, line }) => [code, line])).toEqual([['W001', 153]]);
  });

  it('stops reading a device that never ends', async () => {
    expect((await checkJson('/dev/zero')).map(({ code }) => code)).toEqual(['C003']);
  });

  it('takes the standard input, and comes through a pipe whole', () => {
    const unknown = Array.from({ length: 2000 }, (_, index) => `unknown_${index}: 1`).join('\n');
    const run = spawnSync(process.execPath, ['--import', 'tsx', 'cli/main.ts', 'check', '--json', '-'], {
      cwd: ROOT,
      input: `schema: gateway/v1\ngateway: { id: demo }\n${unknown}\n`,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
      maxBuffer: 64 * 1024 * 1024,
    });
    const { problems } = JSON.parse(run.stdout) as { problems: JsonProblem[] };
    expect(problems.filter(({ code }) => code === 'C021')).toHaveLength(2000);
    expect(run.status).toBe(1);
  });
});

describe('the frame of a problem', () => {
  it('stands as the format says', () => {
    const source = `${'\n'.repeat(17)}    every: 30\n`;
    expect(renderProblems([problem(18, 12, 2)], new Map([['a.yaml', source]]), LOOK)).toBe(`error[C033] \`30\` has no unit
   --> a.yaml:18:12  (devices.air.every)
   |
18 |     every: 30
   |            ^^
   = write 30s for seconds, or 30min for minutes

`);
  });

  it('ends with a line that counts', () => {
    const problems = [problem(1, 1, 1), problem(2, 1, 1), problem(3, 1, 1, { severity: 'warning' })];
    expect(renderSummary(problems, 1)).toBe('1 file: 2 errors, 1 warning, 0 notes\n');
  });

  it.each([
    ['a tab', 'a:\tevery: 30', 10],
    ['wide letters', 'a: 日本, every: 30', 15],
    ['an emoji of several code points', 'a: 👩‍🌾 hort, every: 30', 22],
    ['accents and middle dots', 'a: l·l Vallès niño, every: 30', 28],
  ])('keeps its carets under what is meant after %s', (_title, source) => {
    const column = source.indexOf('30') + 1;
    const lines = renderProblems([problem(1, column, 2)], new Map([['a.yaml', source]]), LOOK).split('\n');
    const [line = '', carets = ''] = [lines[3], lines[4]];
    const before = line.slice(0, line.indexOf('30'));
    expect(displayWidth(before)).toBe(carets.indexOf('^'));
    expect(carets).toMatch(/^ {2}\| +\^\^$/);
  });

  it('cuts a long line around what is meant', () => {
    const source = `${'x'.repeat(100_000)} every: 30 ${'y'.repeat(100_000)}`;
    const lines = renderProblems([problem(1, source.indexOf('30') + 1, 2)], new Map([['a.yaml', source]]), LOOK).split('\n');
    expect(displayWidth(lines[3] ?? '')).toBeLessThanOrEqual(100);
    expect(lines[3]).toMatch(/^1 \| ….*every: 30 y+…$/);
    expect(lines[3]?.indexOf('30')).toBe(lines[4]?.indexOf('^'));
  });

  it('shows no control character of a file', () => {
    const output = renderProblems([problem(1, 1, 3, { path: 'a\u001b[2J' })], new Map([['a.yaml', '\u001b[2J\u202e']]), LOOK);
    for (const control of ['\u001b', '\u202e']) expect(output).not.toContain(control);
  });

  it('has colours only on a terminal and without NO_COLOR', () => {
    const render = (look: typeof LOOK | { isTerminal: boolean; env: Record<string, string> }) =>
      renderProblems([problem(1, 1, 1)], new Map([['a.yaml', 'a']]), { ...LOOK, ...look });
    expect(render(LOOK)).not.toContain('\u001b');
    expect(render({ isTerminal: true, env: {} })).toContain('\u001b[1;31merror[C033]\u001b[0m');
    expect(render({ isTerminal: true, env: { NO_COLOR: '1' } })).not.toContain('\u001b');
    expect(render({ isTerminal: true, env: { TERM: 'dumb' } })).not.toContain('\u001b');
  });
});

describe('the JSON form', () => {
  it('has the documented keys', () => {
    expect(JSON.parse(problemsAsJson([problem(18, 12, 2)]))).toEqual({
      problems: [
        {
          code: 'C033',
          severity: 'error',
          file: 'a.yaml',
          line: 18,
          column: 12,
          path: 'devices.air.every',
          message: '`30` has no unit',
          fix: ['write 30s for seconds, or 30min for minutes'],
        },
      ],
    });
  });
});

describe('barri schema', () => {
  it('takes --json like every other command', async () => {
    const { code, out } = await barri(['schema', 'board', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ title: 'Barri board file (board/v1)' });
  });
});

describe('the catalogue', () => {
  const used = new Set(
    [
      ...readdirSync(join(ROOT, 'config')).map((name) => join('config', name)),
      'cli/check.ts',
      'cli/authority.ts',
      'cli/secrets.ts',
      'simulator/sentilo/world.ts',
    ]
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => readFileSync(join(ROOT, name), 'utf8').match(/(?<=')[CW][0-9]{3}(?=')/g) ?? []),
  );

  it('has a text for every code that is reported', () => {
    expect([...used].filter((code) => !Object.hasOwn(en.messages, code))).toEqual([]);
  });

  it('has no text that no code needs', () => {
    expect(Object.keys(en.messages).filter((code) => !used.has(code))).toEqual([]);
  });

  it('leaves out a line whose parameter is empty, and joins words with "or"', () => {
    expect(textOf(en, 'C021', { key: 'evry', candidates: [], allowed: ['a', 'b'] }).hints).toEqual(['allowed here: a, b']);
    expect(textOf(en, 'C021', { key: 'evry', candidates: ['every', 'very'], allowed: [] }).hints).toEqual([
      'did you mean `every` or `very`?',
    ]);
  });

  it('shows nothing where a parameter is empty', () => {
    expect(textOf(en, 'C047', { written: '' }).what).toBe('`` is not a time zone');
  });

  it('says for every problem what to do', () => {
    const all = Object.values(en.messages).flatMap((entry) => ('by' in entry ? Object.values(entry.of) : [entry]));
    expect(all.filter(({ hints }) => hints.length === 0)).toEqual([]);
  });
});
