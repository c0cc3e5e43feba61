import type { Command } from 'commander';
import { closest } from '../config/closest.ts';
import type { OutputState } from '../gateway/outputs/output.ts';
import type { GatewayStatus } from '../gateway/status.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { askGateway, orSayNotAsked } from './local-client.ts';
import { text as live } from './messages/live.ts';
import { text } from './messages/outputs.ts';
import { addOutputsLog } from './outputs-log.ts';
import { addOutputsSafe } from './outputs-safe.ts';
import { renderOutputs } from './render-outputs.ts';
import { say } from './say.ts';
import { askMeant } from './site-gateway.ts';
import { exists, SITE_DEFAULT, stateOption } from './state-folder.ts';
import { inWholeMs } from './whole-ms.ts';

/** What stands in the place of a site. */
const COMMANDS = ['log', 'safe'];

interface OutputsOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** Adds `barri outputs`. */
export function addOutputs(program: Command, io: Io): void {
  const outputs = program.command('outputs').enablePositionalOptions();
  outputs
    .description('Show the outputs of a running gateway: what was asked, and what the hardware shows.')
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT}); not needed with --state`)
    .addOption(stateOption('state folder of the gateway'))
    .option('--json', 'print JSON: a list of outputs')
    .addHelpText(
      'after',
      `
Exit code 1 when no gateway answers, or when something is wrong with an output.

Examples:
  barri outputs
  barri outputs garden.gateway.yaml --json
  barri outputs log garden.gateway.yaml
  barri outputs safe garden.gateway.yaml`,
    )
    .action((site: string | undefined, options: OutputsOptions) => orSayNotAsked(io, () => showOutputs(site, options, io)));
  addOutputsSafe(outputs, io);
  addOutputsLog(outputs, io);
}

async function showOutputs(site: string | undefined, { state, json }: OutputsOptions, io: Io): Promise<void> {
  // What is no file and like a command was meant as one.
  const [meant] = site === undefined || (await exists(site)) ? [] : closest(site, COMMANDS);
  if (site !== undefined && meant !== undefined) return say(text.commandMeant(site, meant), io, EXIT.usage);
  const ask = async (folder: string) => {
    const states = await askGateway<readonly OutputState[]>(folder, '/outputs');
    return states && withDevices(states, await askGateway<GatewayStatus>(folder, '/status'));
  };
  const outputs = await askMeant({ site, state }, io, ask, { text: text.noGateway, exitCode: EXIT.problems });
  if (outputs === undefined) return;
  io.out(json === true ? `${JSON.stringify(outputs, inWholeMs)}\n` : renderOutputs(outputs, io));
  if (outputs.some(({ problem }) => problem !== undefined)) io.setExitCode(EXIT.problems);
}

/** With what is wrong with their devices: of one that is not there no output is known to be as it should, ordered or not. */
function withDevices(states: readonly OutputState[], status: GatewayStatus | undefined): readonly OutputState[] {
  return states.map((state) => {
    if (state.problem !== undefined) return state;
    const device = status?.devices.find((each) => state.output.startsWith(`${each.device}.`));
    if (device?.problem === undefined || (state.seen !== undefined && device.state !== 'not-answering')) return state;
    const type = status?.buses.find(({ bus }) => bus === device.bus)?.type;
    return { ...state, problem: live.deviceProblem(device.problem, type) };
  });
}
