import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { closest } from '../config/closest.ts';
import { userName } from '../drivers/bus/linux-group.ts';
import type { OrderAnswer } from '../gateway/local-api.ts';
import type { OutputState } from '../gateway/outputs/output.ts';
import type { ReadingRow } from '../gateway/status.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { someTime } from './length-of-time.ts';
import { askGateway, orSayNotAsked, tellGateway } from './local-client.ts';
import { type KnownNames, text } from './messages/outputs.ts';
import { say } from './say.ts';
import { askMeant } from './site-gateway.ts';
import { SITE_DEFAULT, stateOption } from './state-folder.ts';
import { inWholeMs } from './whole-ms.ts';

interface SetOptions {
  readonly for?: number;
  readonly state?: string;
  readonly json?: boolean;
}

/** Adds `barri set`. */
export function addSet(program: Command, io: Io): void {
  program
    .command('set')
    .description('Switch an output of a running gateway on or off.')
    .argument('<output>', 'device.output, such as valve.open')
    .argument('<state>', 'on or off', onOff)
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT}); not needed with --state`)
    .option('--for <time>', 'back to its safe state after this time, such as 30s', someTime('--for'))
    .addOption(stateOption('state folder of the gateway'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It goes back to its safe state by itself after its \`max_on\`, when the gateway
ends, and when --for is over. The output must take orders of \`local\`.
Exit code 1 when no gateway answers or the order is refused, 3 when the hardware
does not follow. An order that waits for others is given up when this command
ends, and after 45 s.

Examples:
  barri set valve.open on --for 30s
  barri set valve.open off garden.gateway.yaml`,
    )
    .action((output: string, on: boolean, site: string | undefined, options: SetOptions) =>
      orSayNotAsked(io, () => set({ output, on }, site, options, io)),
    );
}

async function set(
  { output, on }: { output: string; on: boolean },
  site: string | undefined,
  options: SetOptions,
  io: Io,
): Promise<void> {
  const order = { output, on, by: userName(), ...(options.for !== undefined && { forMs: options.for }) };
  let known: KnownNames | undefined;
  const tell = async (folder: string) => {
    // What is safe may last: there is nothing to go back to.
    if (options.for !== undefined && (await isSafe(folder, output, on))) return 'lasts';
    const answer = await tellGateway<OrderAnswer>(folder, '/outputs', order);
    if (typeof answer === 'object' && 'reason' in answer && answer.reason === 'unknown-output')
      known = await namesIn(folder, output);
    return answer;
  };
  const meant = { site, state: options.state };
  const outcome = await askMeant(meant, io, tell, { text: text.noGateway, exitCode: EXIT.problems });
  if (outcome === undefined) return;
  if (outcome === 'unanswered') return say(text.notKnown(output, on), io, EXIT.problems);
  if (outcome === 'lasts') return say(text.lasts(output, on), io, EXIT.usage);
  // Only a gateway of another version answers that.
  if (!('done' in outcome))
    return say(text.notDone(output, on, { ...(outcome.error !== undefined && { message: outcome.error }) }), io, EXIT.problems);
  if (options.json === true) io.out(`${JSON.stringify(outcome, inWholeMs)}\n`);
  else if (outcome.done) io.out(text.done(output, on, outcome, options.for));
  else say(text.notDone(output, on, outcome, known), io);
  if (!outcome.done) io.setExitCode(outcome.reason === 'failed' ? EXIT.device : EXIT.problems);
}

/** What somebody may have meant who named an output that the gateway does not have. */
async function namesIn(folder: string, output: string): Promise<KnownNames | undefined> {
  const states = await askGateway<readonly OutputState[]>(folder, '/outputs');
  if (states === undefined) return undefined;
  const outputs = states.map((each) => each.output);
  const readings = (await askGateway<readonly ReadingRow[]>(folder, '/readings')) ?? [];
  const isReading = readings.some(({ device, reading }) => `${device}.${reading}` === output);
  return { outputs, candidates: closest(output, outputs), isReading };
}

async function isSafe(folder: string, output: string, on: boolean): Promise<boolean> {
  const outputs = await askGateway<readonly OutputState[]>(folder, '/outputs');
  return outputs?.find((each) => each.output === output)?.safe === on;
}

function onOff(written: string): boolean {
  if (written === 'on' || written === 'off') return written === 'on';
  throw new InvalidArgumentError('write on or off.');
}
