import type { Config } from '../config/config.ts';
import { type LoadedSite, loadSite } from '../config/load-site.ts';
import type { Problem } from '../config/problem.ts';
import { EXIT } from './exit-codes.ts';
import { boardFolders, listFolder, readLimited } from './files.ts';
import type { Io } from './io.ts';
import { noSiteFile } from './messages/no-site-file.ts';
import { renderProblems } from './render-problems.ts';
import { say } from './say.ts';
import { exists, SITE_DEFAULT } from './state-folder.ts';

/** Loads a site for a command that runs it, and prints what is wrong with it, or that it is not there. */
export async function readSite(file: string, io: Io): Promise<LoadedSite> {
  const site = await loadSite(file, { readFile: readLimited, listFolder, boardFolders: boardFolders(io.packageRoot) });
  const worth = site.problems.filter(({ severity }) => severity !== 'note');
  if (file === SITE_DEFAULT && !(await exists(file))) say(noSiteFile(file), io);
  else if (worth.length > 0) printProblems(worth, site, io);
  return site;
}

/** The same. Undefined when it has errors: they are printed and the exit code is set. */
export async function siteToRun(file: string, io: Io): Promise<{ config: Config; site: LoadedSite } | undefined> {
  const site = await readSite(file, io);
  if (site.config !== undefined) return { config: site.config, site };
  io.setExitCode(EXIT.config);
  return undefined;
}

/** Prints problems as `barri check` does, on the error output. */
export function printProblems(problems: readonly Problem[], site: LoadedSite, io: Io): void {
  io.err(renderProblems(problems, site.sources, io));
}
