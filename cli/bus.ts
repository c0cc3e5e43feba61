import type { Command } from 'commander';
import type { BusReport } from '../gateway/bus-report.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { askGateway, orSayNotAsked } from './local-client.ts';
import { text } from './messages/bus.ts';
import { renderBuses } from './render-buses.ts';
import { askMeant } from './site-gateway.ts';
import { SITE_DEFAULT, stateOption } from './state-folder.ts';

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
    .action((site: string | undefined, options: StatsOptions) => orSayNotAsked(io, () => showStats(site, options, io)));
  bus.addHelpText('after', '\nExamples:\n  barri bus stats\n  barri bus stats school.gateway.yaml --json');
}

async function showStats(site: string | undefined, { state, json }: StatsOptions, io: Io): Promise<void> {
  const ask = (folder: string) => askGateway<readonly BusReport[]>(folder, '/buses');
  const buses = await askMeant({ site, state }, io, ask, { text: text.noGateway, exitCode: EXIT.problems });
  if (buses === undefined) return;
  io.out(json === true ? `${JSON.stringify(buses)}\n` : renderBuses(buses, io));
  if (buses.some(({ state: is, causes }) => is !== 'ok' || causes.length > 0)) io.setExitCode(EXIT.problems);
}
