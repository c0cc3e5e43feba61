import type { Command } from 'commander';
import type { BusReport } from '../gateway/bus-report.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { stateFolderAt } from './journal-find.ts';
import { placeOf } from './journal-place.ts';
import { askGateway, orSayNotAllowed } from './local-client.ts';
import { text } from './messages/bus.ts';
import { renderBuses } from './render-buses.ts';
import { say } from './say.ts';
import { SITE_DEFAULT, stateOfEnvironment, stateOption } from './state-folder.ts';

interface StatsOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** Adds the commands about buses. */
export function addBus(program: Command, io: Io): void {
  const bus = program.command('bus').description('Look at the buses of a running gateway.');
  bus
    .command('stats')
    .description('Show how busy each bus is, how each device on it answers, and what is probably wrong.')
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT}); not needed with --state`)
    .addOption(stateOption('state folder of the gateway'))
    .option('--json', 'print JSON: a list of buses')
    .addHelpText(
      'after',
      `
Asks the running gateway; \`barri check\` says the same beforehand, from the file.
Exit code 1 when no gateway answers, or when something is wrong with a bus.

Examples:
  barri bus stats
  barri bus stats school.gateway.yaml --json`,
    )
    .action((site: string | undefined, options: StatsOptions) => orSayNotAllowed(io, () => showStats(site, options, io)));
  bus.addHelpText('after', '\nExamples:\n  barri bus stats\n  barri bus stats school.gateway.yaml --json');
}

async function showStats(site: string | undefined, options: StatsOptions, io: Io): Promise<void> {
  const told = options.state ?? stateOfEnvironment(io.env);
  const place = await placeOf({ state: told, site: told === undefined ? site : undefined }, io);
  if (place === undefined) return;
  for (const folder of place.folders) {
    const buses = await askGateway<readonly BusReport[]>(await stateFolderAt(folder), '/buses');
    if (buses === undefined) continue;
    io.out(options.json === true ? `${JSON.stringify(buses)}\n` : renderBuses(buses, io));
    if (buses.some(({ state, causes }) => state !== 'ok' || causes.length > 0)) io.setExitCode(EXIT.problems);
    return;
  }
  say(text.noGateway(place.folders[0] ?? ''), io, EXIT.problems);
}
