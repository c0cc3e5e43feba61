import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkBoardDocument } from '../config/board-library.ts';
import { closest } from '../config/closest.ts';
import { finish, type Loaded, loadSiteDocument } from '../config/load-site.ts';
import type { Problem } from '../config/problem.ts';
import { readDocument } from '../config/read-document.ts';
import type { YamlDocument } from '../config/yaml-document.ts';
import { EXIT } from './exit-codes.ts';
import { boardFolders, listFolder, readLimited } from './files.ts';
import type { Io } from './io.ts';
import { problemsAsJson, renderProblems, renderSummary } from './render-problems.ts';

/** Kinds of file that this version checks, and kinds that exist but are looked at by other commands. */
const CHECKED = ['gateway/v1', 'board/v1'] as const;
const UNCHECKED = ['setup/v1', 'scenario/v1', 'sentilo-world/v1'] as const;

/** A folder with more files is not a folder of sites. */
const FILES_MAX = 10_000;

interface CheckOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What a check found in all files. */
interface Findings {
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, string>;
  readonly fileCount: number;
}

/** Adds `barri check`. */
export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .description('Check gateway and board files. Opens no device and no connection.')
    .argument('<files...>', 'files or folders; - is the standard input')
    .option('--json', 'print JSON: { problems: [{ code, severity, file, line, column, path, message, fix }] }')
    .option('--quiet', 'print errors only, and nothing when there are none')
    .addHelpText(
      'after',
      `
Exit code 0 without errors (warnings and notes are no errors), 1 with errors.

Examples:
  barri check school.gateway.yaml
  barri check --json sites/ boards/my-meter.board.yaml`,
    )
    .action(async (names: string[], options: CheckOptions) => {
      const findings = await checkFiles(names, io);
      show(findings, options, io);
      if (findings.problems.some(({ severity }) => severity === 'error')) io.setExitCode(EXIT.problems);
    });
}

function show({ problems, sources, fileCount }: Findings, options: CheckOptions, io: Io): void {
  const shown = options.quiet ? problems.filter(({ severity }) => severity === 'error') : problems;
  if (options.json) io.out(problemsAsJson(shown));
  else if (shown.length > 0 || !options.quiet) io.out(renderProblems(shown, sources, io) + renderSummary(shown, fileCount));
}

/** Checks every file; one that cannot be read is a problem like others and hides nothing. */
async function checkFiles(names: readonly string[], io: Io): Promise<Findings> {
  const problems = new Map<string, Problem>();
  const sources = new Map<string, string>();
  let fileCount = 0;
  for (const name of names) {
    const files = await filesIn(name);
    for (const file of files) {
      fileCount += 1;
      const loaded = await checkFile(file, io);
      // Two sites can use one board that is wrong.
      for (const problem of loaded.problems) problems.set(JSON.stringify(problem), problem);
      for (const [source, text] of loaded.sources) sources.set(source, text);
    }
    if (files.length === 0) {
      const problem: Problem = {
        code: 'C068',
        severity: 'error',
        place: { file: name, line: 1, column: 1, length: 1 },
        path: '',
        parameters: { file: name },
      };
      problems.set(name, problem);
    }
  }
  return { problems: [...problems.values()], sources, fileCount };
}

/** The file itself, or the gateway and board files in a folder and below it, in alphabetical order. */
async function filesIn(name: string): Promise<readonly string[]> {
  if (name === '-' || !(await isFolder(name))) return [name];
  const entries = await fs.readdir(name, { recursive: true });
  return entries
    .filter((entry) => /\.(?:gateway|board)\.yaml$/.test(entry) && !entry.includes('node_modules'))
    .sort()
    .slice(0, FILES_MAX)
    .map((entry) => join(name, entry));
}

async function isFolder(name: string): Promise<boolean> {
  try {
    return (await fs.stat(name)).isDirectory();
  } catch {
    // What cannot be looked at is reported when it is read.
    return false;
  }
}

async function checkFile(file: string, io: Io): Promise<Loaded> {
  const files = { readFile: readLimited, listFolder };
  const document = await readDocument(file, files);
  if (document.root === undefined) return finish(document, [document], document.problems);
  const schema = String(document.root.children.get('schema')?.scalar ?? '');
  if (schema === 'gateway/v1') return loadSiteDocument(document, { ...files, boardFolders: boardFolders(io.packageRoot) });
  if (schema === 'board/v1') return finish(document, [document], checkBoardDocument(document).problems);
  return finish(document, [document], [...document.problems, unknownKind(document, schema)]);
}

function unknownKind(document: YamlDocument, schema: string): Problem {
  if (schema === '')
    return { ...document.problem('C065', ['schema']), place: { file: document.file, line: 1, column: 1, length: 1 } };
  const known = [...CHECKED, ...UNCHECKED];
  const isUnchecked = known.slice(CHECKED.length).some((kind) => kind === schema);
  if (isUnchecked) return document.problem('C067', ['schema'], { schema }, 'note');
  return document.problem('C066', ['schema'], { schema, candidates: closest(schema, known), known: CHECKED });
}
