import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { DiskError, LockHeldError } from '../gateway/host.ts';
import { loadModules } from '../gateway/modules.ts';
import { ALL_MS_MAX, type MadeSafe, makeOutputsSafe } from '../gateway/outputs/make-safe.ts';
import { realHost } from '../gateway/real-host.ts';
import { endHung, type HungEnd, waitForEnd } from './end-hung.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { newestKept } from './kept-site.ts';
import { leftOf, makeLeftSafe } from './left-outputs.ts';
import { text } from './messages/outputs.ts';
import { ownerOf } from './owner.ts';
import { say } from './say.ts';
import { readSite } from './site.ts';
import { isSimulated, SITE_DEFAULT, stateFolder, stateFoldersOfAll, stateOfEnvironment, stateOption } from './state-folder.ts';

/** The option that ends a gateway that hangs. */
export const END_HUNG = '--end-hung';

/** What each site that was kept has at least, beside what is left of the time for all. */
const LEFT_MS_MIN = 2_000;

interface SafeOptions {
  readonly state?: string;
  readonly endHung?: boolean;
  readonly json?: boolean;
}

interface Made extends MadeSafe {
  /** The file that tells of it, where the site file does not have it any more. */
  readonly keptIn?: string | undefined;
}

/** Adds `barri outputs safe`. */
export function addOutputsSafe(outputs: Command, io: Io): void {
  outputs
    .command('safe')
    .description('Drive every output to its safe state, without a gateway: after one that was killed.')
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT})`)
    .addOption(stateOption('state folder of the gateway, if it was started with --state'))
    .option(END_HUNG, 'kill the gateway first if it gives no sign of life')
    .option('--json', 'print JSON: a list of outputs')
    .addHelpText(
      'after',
      `
For whatever starts the gateway, as what is done when it has ended in any way
(ExecStopPost= of systemd). While a gateway runs it does nothing: that one keeps
its outputs. With --end-hung one that gives no sign of life for ten seconds, or
for two minutes while it starts, is killed before.
Where the site file has errors it goes by what the gateway was started with, and
so it does for outputs that the file no longer has.
Exit code 3 when an output does not follow, 75 while a gateway runs.

Examples:
  barri outputs safe
  barri outputs safe garden.gateway.yaml`,
    )
    .action((site: string | undefined, options: SafeOptions) =>
      safe(site ?? io.env['BARRI_CONFIG'] ?? SITE_DEFAULT, options, io),
    );
}

async function safe(file: string, options: SafeOptions, io: Io): Promise<void> {
  const { config } = await readSite(file, io);
  const host = realHost(() => {});
  const places = await placesOf(file, config, options, io);
  if (places === undefined) return;
  const found = await newestKept(file, host.disk, places);
  const folders = new Set([...places.own, ...(found === undefined ? [] : [found.folder])]);
  if (config === undefined && found === undefined) return io.setExitCode(EXIT.config);
  const unlocks: (() => Promise<void>)[] = [];
  for (const folder of folders) {
    const unlock = await lockOrSay(folder, options.endHung === true ? 'end-hung' : 'wait', io);
    if (unlock === undefined) return;
    unlocks.push(unlock);
  }
  if (found?.kept.isWhole === false) say(text.keptUnreadable(found.kept.path), io, EXIT.problems);
  if (config === undefined) say(text.asStarted, io);
  const around = { host, fatal: io.fatal };
  // Whoever calls it may not wait for ever, however many sites were kept.
  const endMs = host.clock.monotonicMs() + ALL_MS_MAX;
  const made: Made[] = [];
  const leftSites = leftOf(config, found?.kept.sites ?? []);
  if (config !== undefined) {
    const ownMs = Math.max(LEFT_MS_MIN, ALL_MS_MAX - leftSites.length * LEFT_MS_MIN);
    made.push(...(await makeOutputsSafe({ config, ...around, modules: await loadModules(config) }, ownMs)));
  }
  for (const [at, site] of leftSites.entries()) {
    const left = config === undefined ? {} : { keptIn: found?.kept.path };
    const ofOthersMs = (leftSites.length - 1 - at) * LEFT_MS_MIN;
    const ownMs = Math.max(LEFT_MS_MIN, endMs - host.clock.monotonicMs() - ofOthersMs);
    for (const each of await makeLeftSafe(site, around, ownMs)) made.push({ ...each, ...left });
  }
  for (const unlock of unlocks) await unlock();
  if (options.json === true) io.out(`${JSON.stringify(made)}\n`);
  else tell(made, io);
  if (made.some(({ problem }) => problem !== undefined)) io.setExitCode(EXIT.device);
}

/** What is done where another has the folder: to wait for the end of one that was killed, to end one that hangs, or nothing. */
type Held = 'wait' | 'end-hung' | 'give-up';

/** Takes a folder; gives what lets go of it. Undefined where another has it and keeps it: it was said. */
async function lockOrSay(folder: string, held: Held, io: Io): Promise<(() => Promise<void>) | undefined> {
  try {
    return await realHost(() => {}).lock(folder);
  } catch (error) {
    // A folder that is not there, or that is of somebody else, holds nobody back: what is safe comes first.
    if (error instanceof DiskError) return async () => {};
    if (!(error instanceof LockHeldError)) throw error;
  }
  const end: HungEnd = await endOf(folder, held);
  if (end.what === 'runs') return say(text.gatewayRuns(folder), io, EXIT.tryAgain);
  if (end.what === 'stays') return say(text.hungStays(folder, end, await ownerOf(folder)), io, EXIT.tryAgain);
  if (end.what === 'killed') say(text.hungKilled(folder, end), io);
  return await lockOrSay(folder, 'give-up', io);
}

async function endOf(folder: string, held: Held): Promise<HungEnd> {
  if (held === 'end-hung') return await endHung(folder);
  return { what: held === 'wait' ? await waitForEnd(folder) : 'runs' };
}

/** Where a gateway of this site has its outputs: `own` for sure, and `others` perhaps. Undefined when that is wrong use: it was said. */
async function placesOf(
  file: string,
  config: Config | undefined,
  { state: option }: SafeOptions,
  io: Io,
): Promise<{ readonly own: readonly string[]; readonly others: readonly string[] } | undefined> {
  const choice = { option, siteFile: file, env: io.env };
  const told = option ?? stateOfEnvironment(io.env);
  const own: string[] = [];
  if (config !== undefined) own.push(stateFolder({ ...choice, gatewayId: config.gateway.id, simulated: false }));
  else if (told !== undefined) own.push(resolve(told));
  // Its outputs are those of no machine, and a gateway that has those of this one would not be seen.
  for (const folder of own) if (await isSimulated(folder)) return say(text.simulatedFolder(folder), io, EXIT.config);
  const others: string[] = [];
  for (const folder of await stateFoldersOfAll(choice)) if (!(await isSimulated(folder))) others.push(folder);
  return { own, others };
}

function tell(made: readonly Made[], io: Io): void {
  if (made.length === 0) io.out(text.noneInSite);
  for (const { output, on, problem, keptIn } of made) {
    if (problem === undefined) io.out(text.done(output, on));
    else say(text.notSafe(output, problem, keptIn), io);
  }
}
