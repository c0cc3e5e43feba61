import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { type LoadedSite, loadSite } from '../config/load-site.ts';
import type { Problem } from '../config/problem.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { renderProblems } from './render-problems.ts';

/** Boards that a technician added on this machine. */
const LOCAL_BOARDS = '/etc/barri/boards.d';

/** Loads a site file with the boards of this machine and those of the package. */
export function loadSiteFile(file: string, io: Io): Promise<LoadedSite> {
  return loadSite(file, {
    readFile: (path) => fs.readFile(path),
    listFolder: async (path) => {
      try {
        return await fs.readdir(path);
      } catch {
        // A folder of boards that is not there holds no boards.
        return [];
      }
    },
    boardFolders: [LOCAL_BOARDS, join(io.packageRoot, 'boards')],
  });
}

/** Loads a site for a command that runs it. Undefined when it has errors: they are printed and the exit code is set. */
export async function siteToRun(file: string, io: Io): Promise<{ config: Config; site: LoadedSite } | undefined> {
  const site = await loadSiteFile(file, io);
  const worth = site.problems.filter(({ severity }) => severity !== 'note');
  if (worth.length > 0) printProblems(worth, site, io);
  if (site.config !== undefined) return { config: site.config, site };
  io.setExitCode(EXIT.config);
  return undefined;
}

/** Prints problems as `barri check` does, on the error output. */
export function printProblems(problems: readonly Problem[], site: LoadedSite, io: Io): void {
  io.err(renderProblems(problems, site.sources, io));
}
