import type { Command } from 'commander';
import { DiskError, LockHeldError } from '../gateway/host.ts';
import { loadModules } from '../gateway/modules.ts';
import { type MadeSafe, makeOutputsSafe } from '../gateway/outputs/make-safe.ts';
import { realHost } from '../gateway/real-host.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { keptSite, outputsNoLongerIn } from './kept-site.ts';
import { text } from './messages/outputs.ts';
import { say } from './say.ts';
import { readSite } from './site.ts';
import { SITE_DEFAULT, stateFolders, stateFoldersOfAll, stateOption } from './state-folder.ts';

interface SafeOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** Adds `barri outputs safe`. */
export function addOutputsSafe(outputs: Command, io: Io): void {
  outputs
    .command('safe')
    .description('Drive every output to its safe state, without a gateway: after one that was killed.')
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT})`)
    .addOption(stateOption('state folder of the gateway, if it was started with --state'))
    .option('--json', 'print JSON: a list of outputs')
    .addHelpText(
      'after',
      `
For whatever starts the gateway, as what is done when it has ended in any way
(ExecStopPost= of systemd). While a gateway runs it does nothing: that one keeps
its outputs. Where the site file has errors it goes by what the gateway was
started with, and so it does for outputs that the file no longer has.
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
  const choice = { option: options.state, siteFile: file, env: io.env };
  const kept = await keptSite(file, host.disk, await stateFoldersOfAll(choice));
  const folders = new Set<string>();
  if (config !== undefined) for (const each of stateFolders({ ...choice, gatewayId: config.gateway.id })) folders.add(each);
  if (kept !== undefined) folders.add(kept.folder);
  if (folders.size === 0) return io.setExitCode(EXIT.config);
  const unlocks: (() => Promise<void>)[] = [];
  for (const folder of folders) {
    try {
      unlocks.push(await host.lock(folder));
    } catch (error) {
      if (error instanceof LockHeldError) return say(text.gatewayRuns(folder), io, EXIT.tryAgain);
      // A folder that is not there, or that is of somebody else, holds nobody back: what is safe comes first.
      if (!(error instanceof DiskError)) throw error;
    }
  }
  if (config === undefined) say(text.asStarted, io);
  const old = kept && config ? outputsNoLongerIn(config, kept.site) : kept?.site;
  const made: MadeSafe[] = [];
  for (const site of [config, old]) {
    if (site !== undefined)
      made.push(...(await makeOutputsSafe({ config: site, host, modules: await loadModules(site), fatal: io.fatal })));
  }
  for (const unlock of unlocks) await unlock();
  if (options.json === true) io.out(`${JSON.stringify(made)}\n`);
  else tell(made, io);
  if (made.some(({ problem }) => problem !== undefined)) io.setExitCode(EXIT.device);
}

function tell(made: readonly MadeSafe[], io: Io): void {
  if (made.length === 0) io.out(text.noneInSite);
  for (const { output, on, problem } of made) {
    if (problem === undefined) io.out(text.done(output, on));
    else say(text.notSafe(output, problem), io);
  }
}
