import { Command, CommanderError } from 'commander';
import { VERSION } from '../gateway/version.ts';
import { addCheck } from './check.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { addRead } from './read.ts';
import { addRun } from './run.ts';
import { addSchema } from './schema.ts';
import { addSimRun } from './sim-run.ts';
import { addSimSentilo } from './sim-sentilo.ts';
import { addStatus } from './status.ts';

/** The command line with all its commands. */
export function createProgram(io: Io): Command {
  const program = new Command('barri')
    .description('Gateway for neighbourhood sensor nodes: measures, keeps every reading, delivers it to Sentilo.')
    .version(VERSION)
    .showSuggestionAfterError()
    .showHelpAfterError('(`barri --help` shows all commands)')
    .addHelpText('after', '\nExamples:\n  barri check gateway.yaml\n  barri run gateway.yaml');
  addRun(program, io);
  addCheck(program, io);
  addRead(program, io);
  addStatus(program, io);
  const sim = program.command('sim').description('Run things that are not there: a site without hardware, a city of your own.');
  addSimRun(sim, io);
  addSimSentilo(sim, io);
  addSchema(program, io);
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err });
  }
  return program;
}

/** Runs one command line; wrong use of it ends in exit code 2, help and version in 0. */
export async function runProgram(argv: readonly string[], io: Io): Promise<void> {
  try {
    await createProgram(io).parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = error.exitCode === 0;
    if (!isHelp) io.setExitCode(EXIT.usage);
  }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
