// The house's rules that no linter knows.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram, runProgram } from '../../cli/program.ts';
import { displayWidth } from '../../cli/table.ts';
import { DRIVER_IDS } from '../../drivers/registry.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Commands that a board's note names and that a later issue brings, and which one. */
const LATER_COMMANDS: Readonly<Record<string, string>> = {
  'board flash': 'Arduinos come with the bus issue',
  'board setup': 'setting up meters comes with the bus issue',
  scan: 'looking for devices comes with the bus issue',
};

/** What is ours: files and folders, relative to the root, in alphabetical order. */
const PATHS = readdirSync(ROOT)
  .filter((name) => !['.barri', '.git', 'coverage', 'dist', 'node_modules'].includes(name))
  .flatMap((name) => [name, ...below(name)])
  .sort();

function below(folder: string): string[] {
  if (!statSync(join(ROOT, folder)).isDirectory()) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`);
}

function files(pattern: RegExp): string[] {
  return PATHS.filter((path) => pattern.test(path) && !path.startsWith('test/data/') && statSync(join(ROOT, path)).isFile());
}

/** Whether something has this path, in which `*` and `<anything>` stand for any part of a name. */
function exists(path: string): boolean {
  const trimmed = path.replace(/^\.\//, '').replace(/\/$/, '');
  const escaped = trimmed.split(/<[^>]*>|\*+/).map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${escaped.join('[^/]*')}$`);
  return PATHS.some((each) => pattern.test(each));
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const BOARDS = files(/^boards\/[^/]+\.board\.yaml$/);
const SITES = files(/^examples\/sites\/[^/]+\.gateway\.yaml$/);
const MARKDOWN = files(/\.md$/);

describe('every driver', () => {
  it.each(DRIVER_IDS)('%s has a board, a device model and a test', (id) => {
    const boards = BOARDS.filter((path) => new RegExp(`^driver: ${id}$`, 'm').test(read(path)));
    expect(boards).not.toEqual([]);
    expect(exists(`simulator/devices/${id}.ts`)).toBe(true);
    expect(exists(`test/drivers/${id}.test.ts`)).toBe(true);
  });
});

describe('every example site', () => {
  it.each(SITES)('%s is right', async (site) => {
    const { code, out } = await barri('check', join(ROOT, site), '--json');
    const { problems } = JSON.parse(out) as { problems: { code: string; path: string; severity: string }[] };
    const errors = problems.filter(({ severity }) => severity === 'error').map((problem) => `${problem.code} ${problem.path}`);
    expect(errors).toEqual([]);
    expect(code).toBe(0);
  });

  it.each(SITES)('%s simulates', async (site) => {
    const { code, out } = await barri('sim', 'run', join(ROOT, site), '--for', '10min', '--json');
    expect(code).toBe(0);
    expect((JSON.parse(out) as { eventCount: number }).eventCount).toBeGreaterThan(0);
  });
});

describe('what a text names exists', () => {
  /** The first line of a file, such as `schema: gateway/v1`, is no path. */
  const isSchema = (path: string) => /^[a-z-]+\/v\d+$/.test(path);
  const TOP = 'boards|cli|config|docs|drivers|examples|gateway|lint|simulator|test';
  const NAMED_PATH = new RegExp(`(?:^|[\\s\`(])((?:\\./)?(?:${TOP})/[\\w./*<>{},-]*)`, 'gm');
  const LINK = /\]\(([^)#\s]+)[^)]*\)/g;

  it('in paths and links', () => {
    const missing = MARKDOWN.flatMap((markdown) => {
      const text = read(markdown);
      const named = [...text.matchAll(NAMED_PATH)].map((match) => match[1]?.replace(/[.,]+$/, '') ?? '');
      const linked = [...text.matchAll(LINK)].map((match) => match[1] ?? '').filter((target) => !/^\w+:/.test(target));
      const paths = [
        ...named.filter((path) => !isSchema(path)),
        ...linked.map((target) => normalize(join(markdown, '..', target))),
      ];
      return paths.filter((path) => !exists(path)).map((path) => `${markdown}: ${path}`);
    });
    expect(missing).toEqual([]);
  });

  // Written small and followed by a word, the name always stands for a command line; the product is Barri, and after -u
  // it is the user that the gateway runs as.
  const NAMED_COMMAND = /(?<![\w/.-])(?<!-u )barri(?: --)? ([a-z][^`'"(),\\\n]*)/g;

  it('in command lines', async () => {
    const program = await createProgram(silentIo());
    const unknown = [...MARKDOWN, ...BOARDS, ...files(/^(?:cli|config|gateway)\/.*\.ts$/)].flatMap((path) => {
      const lines = [...read(path).matchAll(NAMED_COMMAND)].map((match) => match[1]?.trim() ?? '');
      return lines.flatMap((line) => unknownIn(line, program) ?? []).map((problem) => `${path}: ${problem}`);
    });
    expect(unknown).toEqual([]);
  });

  it.each(Object.keys(LATER_COMMANDS))('%s is still to come', async (line) => {
    expect(unknownIn(line, await createProgram(silentIo()), {})).toBeDefined();
  });
});

/** What of a command line the program does not know: a command or an option. */
function unknownIn(line: string, program: Command, later = LATER_COMMANDS): string | undefined {
  if (Object.keys(later).some((known) => line === known || line.startsWith(`${known} `))) return undefined;
  const words = line.split(/\s+/);
  let command = program;
  while (command.commands.length > 0) {
    const name = words.shift();
    const next = command.commands.find((each) => each.name() === name);
    // One that does something by itself takes anything else for its argument.
    if (next === undefined && command.registeredArguments.length > 0) break;
    if (next === undefined) return `barri ${line}: no command ${name}`;
    command = next;
  }
  const known = new Set(['--help', '--version', ...command.options.flatMap(({ long }) => long ?? [])]);
  const option = words.find((word) => /^--[a-z]/.test(word) && !known.has(word));
  return option === undefined ? undefined : `barri ${line}: no option ${option}`;
}

describe('every help text', () => {
  it('fits on 80 columns, but for commands that are to be pasted', async () => {
    const tooWide: string[] = [];
    for (const words of commandsOf(await createProgram(silentIo()))) {
      const { out, err } = await barri(...words, '--help');
      expect({ words, err }).toEqual({ words, err: '' });
      const wide = out.split('\n').filter((line) => displayWidth(line) > 80 && !line.startsWith('  barri '));
      tooWide.push(...wide.map((line) => `${words.join(' ')}: ${line}`));
    }
    expect(tooWide).toEqual([]);
  });
});

/** The words of a command and of those below it. */
function commandsOf(command: Command, words: readonly string[] = []): (readonly string[])[] {
  return [words, ...command.commands.flatMap((each) => commandsOf(each, [...words, each.name()]))];
}

describe('the repository', () => {
  it('leaves nothing for later', () => {
    const mark = /\b(?:TO-?DO|FIX-?ME|XX-?X|HA-?CK)\b(?!-)/;
    const marked = files(/\.(?:ts|md|json|py|grit)$|^\.ci\//).filter((path) => mark.test(read(path)));
    expect(marked).toEqual([]);
  });

  it('has one code for each message, and one message for each code', () => {
    const codes = files(/^cli\/.*\.ts$/).flatMap((path) =>
      [...read(path).matchAll(/\[(B\d{3})\]/g)].map(([, code]) => ({ code, path })),
    );
    expect(codes.length).toBeGreaterThan(30);
    const twice = codes.filter(({ code }, at) => codes.findIndex((other) => other.code === code) !== at);
    expect(twice).toEqual([]);
  });

  it('opens its boundaries nowhere but here', () => {
    const boundary =
      /biome-ignore(?:-\w+)? lint\/(?:plugin|\w+\/(?:noRestricted|noImportCycles|noFloatingPromises|noVoid|noGlobalEval))/;
    const opened = files(/^(?:drivers|config|gateway|simulator|cli)\/.*\.ts$/).filter((path) => boundary.test(read(path)));
    // A device model is found by its driver's name, so its import is computed.
    expect(opened).toEqual(['simulator/buses.ts']);
  });

  it('has the scripts of its README and no others', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const expected = [
      'build',
      'start',
      'dev',
      'barri',
      'check',
      'lint',
      'test',
      'test:deep',
      'test:interop',
      'test:kernel',
      'test:powercut',
      'seeds',
      'bench',
    ];
    expect(Object.keys(scripts).sort()).toEqual(expected.sort());
  });

  it('has a lockfile that says nothing about where packages come from', () => {
    const lock = read('package-lock.json');
    expect(lock).not.toContain('"resolved"');
    expect(lock).toContain('"integrity"');
  });
});

function silentIo() {
  return {
    out: () => {},
    err: () => {},
    env: {},
    isTerminal: false,
    columns: 100,
    rows: 40,
    packageRoot: ROOT,
    fatal: (error: unknown) => {
      throw error;
    },
    setExitCode: () => {},
  };
}

/** Runs a command line in this process. */
async function barri(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const codes = [0];
  const out: string[] = [];
  const err: string[] = [];
  await runProgram(['node', 'barri', ...args], {
    ...silentIo(),
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    fatal: (error) => {
      throw error;
    },
    setExitCode: (code) => codes.push(code),
  });
  return { code: Math.max(...codes), out: out.join(''), err: err.join('') };
}
