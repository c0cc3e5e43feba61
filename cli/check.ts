import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkBoardDocument } from '../config/board-library.ts';
import { closest } from '../config/closest.ts';
import { finish, type Loaded, type LoadedSite, loadSiteDocument } from '../config/load-site.ts';
import type { Problem } from '../config/problem.ts';
import { errorCode, readDocument, unread } from '../config/read-document.ts';
import type { YamlDocument } from '../config/yaml-document.ts';
import { EXIT } from './exit-codes.ts';
import { boardFolders, listFolder, readLimited } from './files.ts';
import type { Io } from './io.ts';
import { renderPlans, type SitePlans } from './render-plans.ts';
import { problemsAsJson, renderProblems, renderSummary } from './render-problems.ts';
import { fitted } from './table.ts';

/** Kinds of file that this version checks, and kinds that exist but are looked at by other commands. */
const CHECKED = ['gateway/v1', 'board/v1', 'sentilo-world/v1'] as const;
const UNCHECKED = ['setup/v1', 'scenario/v1'] as const;

/** A folder with more files is not a folder of sites. */
const FILES_MAX = 10_000;

/** Names that a folder is searched for: `/etc/barri/gateway.yaml` is one. */
const OWN_NAME = /(?:^|\.)(?:gateway|board)\.yaml$/;

const YAML_NAME = /\.ya?ml$/;

interface CheckOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What a check found in all files. */
interface Findings {
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, string>;
  readonly plans: readonly SitePlans[];
  readonly fileCount: number;
  /** Other YAML files in the folders that were named. */
  readonly otherCount: number;
}

/** Adds `barri check`. */
export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .description('Check files of gateways, boards and simulated cities. Opens no device and no connection.')
    .argument('<files...>', 'files, or folders: of one *.gateway.yaml and *.board.yaml are checked; - is the standard input')
    .option(
      '--json',
      'print JSON: { problems: [{ code, severity, file, line, column, path, message, fix }], plans: [{ file, buses }] }',
    )
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

function show({ problems, sources, plans, fileCount, otherCount }: Findings, options: CheckOptions, io: Io): void {
  const shown = options.quiet ? problems.filter(({ severity }) => severity === 'error') : problems;
  if (options.json) io.out(problemsAsJson(shown, { plans }));
  else if (shown.length > 0 || !options.quiet) {
    const busy = options.quiet ? '' : renderPlans(plans, io);
    io.out(renderProblems(shown, sources, io) + busy + fitted(renderSummary(shown, fileCount, otherCount), io.columns));
  }
}

/** Checks every file; one that cannot be read is a problem like others and hides nothing. */
async function checkFiles(names: readonly string[], io: Io): Promise<Findings> {
  const problems = new Map<string, Problem>();
  const sources = new Map<string, string>();
  const plans: SitePlans[] = [];
  let fileCount = 0;
  let otherCount = 0;
  // The standard input can be read only once, and a file named twice is one file.
  for (const name of new Set(names)) {
    const { files, otherCount: others, problems: unlisted } = await filesIn(name);
    otherCount += others;
    for (const problem of unlisted) problems.set(JSON.stringify(problem), problem);
    for (const file of files) {
      fileCount += 1;
      const loaded = await checkFile(file, io);
      // Two sites can use one board that is wrong.
      for (const problem of loaded.problems) problems.set(JSON.stringify(problem), problem);
      for (const [source, text] of loaded.sources) sources.set(source, text);
      if ('plans' in loaded) plans.push({ file, buses: loaded.plans });
    }
    if (files.length === 0 && unlisted.length === 0) problems.set(name, wholeFile(name, 'C068', { file: name }));
  }
  return { problems: [...problems.values()], sources, plans, fileCount, otherCount };
}

function wholeFile(file: string, code: string, parameters: Problem['parameters']): Problem {
  return { code, severity: 'error', place: { file, line: 1, column: 1, length: 1 }, path: '', parameters };
}

/** The file itself, or the gateway and board files in a folder and below it, in alphabetical order; and how many others there are. */
async function filesIn(name: string): Promise<{ files: readonly string[]; otherCount: number; problems: readonly Problem[] }> {
  if (name === '-' || (await kindOf(name)) !== 'folder') return { files: [name], otherCount: 0, problems: [] };
  let otherCount = 0;
  const files: string[] = [];
  const problems: Problem[] = [];
  const folders = [name];
  for (let folder = folders.pop(); folder !== undefined && files.length < FILES_MAX; folder = folders.pop()) {
    try {
      for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        // A link to a folder can lead back up; a pipe or a device never ends.
        if (entry.isDirectory() && entry.name !== 'node_modules') folders.push(path);
        else if (OWN_NAME.test(entry.name) && FILE_KINDS.has(await kindOf(path))) files.push(path);
        else if (YAML_NAME.test(entry.name)) otherCount += 1;
      }
    } catch (error) {
      const reason = errorCode(error);
      if (reason === undefined) throw error;
      const { code, parameters } = unread(folder, reason);
      problems.push(wholeFile(folder, code, parameters));
    }
  }
  return { files: files.sort().slice(0, FILES_MAX), otherCount, problems };
}

/** What cannot be looked at is taken for a file, so that reading it says why. */
const FILE_KINDS: ReadonlySet<string> = new Set(['file', 'unknown']);

async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | 'unknown'> {
  try {
    const stat = await fs.stat(path);
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
  } catch {
    return 'unknown';
  }
}

async function checkFile(file: string, io: Io): Promise<Loaded | LoadedSite> {
  const files = { readFile: readLimited, listFolder };
  const document = await readDocument(file, files);
  if (document.root === undefined) return finish(document, [document], document.problems);
  const schema = String(document.root.children.get('schema')?.scalar ?? '');
  if (schema === 'gateway/v1') return loadSiteDocument(document, { ...files, boardFolders: boardFolders(io.packageRoot) });
  if (schema === 'board/v1') return finish(document, [document], checkBoardDocument(document).problems);
  if (schema === 'sentilo-world/v1') {
    const { checkWorldDocument } = await import('../simulator/sentilo/world.ts');
    // Its lines are not shown: it holds the tokens of a whole city, and perhaps one that is not simulated.
    return finish(document, [], [...document.problems, ...checkWorldDocument(document)]);
  }
  const problem = unknownKind(document, schema);
  // What is not checked is not shown either.
  if (problem.severity === 'note' && document.problems.length === 0) return finish(document, [], [problem]);
  return finish(document, [document], [...document.problems, problem]);
}

function unknownKind(document: YamlDocument, schema: string): Problem {
  if (schema === '')
    return { ...document.problem('C065', ['schema']), place: { file: document.file, line: 1, column: 1, length: 1 } };
  const known = [...CHECKED, ...UNCHECKED];
  const isUnchecked = known.slice(CHECKED.length).some((kind) => kind === schema);
  if (isUnchecked) return document.problem('C067', ['schema'], { schema }, 'note');
  return document.problem('C066', ['schema'], { schema, candidates: closest(schema, known), known: CHECKED });
}
