import { Command, CommanderError } from 'commander';
import { VERSION } from '../gateway/version.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { fitted } from './table.ts';

type Add = (parent: Command, io: Io) => void;
type Loaders = Readonly<Record<string, () => Promise<Add>>>;

/** What each command is made by. A command line loads only its own: a gateway keeps what it has loaded in memory for years. */
const COMMANDS: Loaders = {
  run: async () => (await import('./run.ts')).addRun,
  check: async () => (await import('./check.ts')).addCheck,
  read: async () => (await import('./read.ts')).addRead,
  status: async () => (await import('./status.ts')).addStatus,
  board: async () => (await import('./board.ts')).addBoard,
  bus: async () => (await import('./bus.ts')).addBus,
  journal: async () => (await import('./journal.ts')).addJournal,
  outputs: async () => (await import('./outputs.ts')).addOutputs,
  set: async () => (await import('./set.ts')).addSet,
  sentilo: async () => (await import('./sentilo.ts')).addSentilo,
  schema: async () => (await import('./schema.ts')).addSchema,
};
const SIM_COMMANDS: Loaders = {
  run: async () => (await import('./sim-run.ts')).addSimRun,
  sentilo: async () => (await import('./sim-sentilo.ts')).addSimSentilo,
};

/** Longer lines are hard to read, however wide the terminal is. */
const HELP_COLUMNS_MAX = 80;
/** A text beside options or commands that has less room stands as it is. */
const HELP_TEXT_MIN = 16;

function helpColumns({ columns }: Io): number {
  return Math.min(HELP_COLUMNS_MAX, columns);
}

/** What is written line by line behind the options, broken where the terminal is narrower; examples stay whole, to be pasted. */
function helpFitted(written: string, io: Io): string {
  const isExample = (line: string) => line.startsWith('  barri ');
  const lines = paragraphs(written, io).map((line) => (isExample(line) ? line : fitted(line, io.columns)));
  return lines.join('\n');
}

/** The lines of a help, where the terminal is narrower than they were written for with those of a paragraph as one. */
function paragraphs(written: string, { columns }: Io): string[] {
  const lines = written.split('\n');
  if (columns >= HELP_COLUMNS_MAX) return lines;
  const isText = (line: string | undefined) => line !== undefined && /^[^ (]/.test(line);
  return lines.reduce<string[]>((all, line) => {
    const before = all.at(-1);
    // Behind a colon stands what is a line of its own.
    if (isText(before) && isText(line) && !/[.:]$/.test(before ?? '')) all.splice(-1, 1, `${before} ${line}`);
    else all.push(line);
    return all;
  }, []);
}

/** The command line: with the one command that `words` begin with, else with all. */
export async function createProgram(io: Io, words: readonly string[] = []): Promise<Command> {
  const program = new Command('barri')
    .description('Gateway for neighbourhood sensor nodes: measures, keeps every reading, delivers it to Sentilo.')
    .version(VERSION)
    .showSuggestionAfterError()
    // What stands behind a command belongs to it, also where its parent has an option of the same name.
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: termOf, minWidthToWrap: HELP_TEXT_MIN })
    .addHelpText('after', '\nExamples:\n  barri check gateway.yaml\n  barri run gateway.yaml');
  const [word, simWord] = words;
  if (word !== 'sim') await addFrom(COMMANDS, word, program, io);
  if (word === undefined || !Object.hasOwn(COMMANDS, word)) {
    const sim = program.command('sim').description('Run things that are not there: a site without hardware, a city of your own.');
    await addFrom(SIM_COMMANDS, simWord, sim, io);
    sim.addHelpText('after', '\nExamples:\n  barri sim run school.gateway.yaml\n  barri sim sentilo --port 8081');
  }
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({
      writeOut: (written) => io.out(helpFitted(written, io)),
      writeErr: (written) => io.err(helpFitted(written, io)),
      getOutHelpWidth: () => helpColumns(io),
      getErrHelpWidth: () => helpColumns(io),
    });
    const shown = command.commands.length > 0 ? 'its commands' : 'how it is used';
    command.showHelpAfterError(`(\`${nameOf(command)} --help\` shows ${shown})`);
  }
  return program;
}

/** Runs one command line; wrong use of it ends in exit code 2, help and version in 0. */
export async function runProgram(argv: readonly string[], io: Io): Promise<void> {
  try {
    const program = await createProgram(io, argv.slice(2));
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = error.exitCode === 0;
    if (!isHelp) io.setExitCode(EXIT.usage);
  }
}

async function addFrom(loaders: Loaders, word: string | undefined, parent: Command, io: Io): Promise<void> {
  const isNamed = word !== undefined && Object.hasOwn(loaders, word);
  for (const [name, load] of Object.entries(loaders)) if (!isNamed || name === word) (await load())(parent, io);
}

/** A command in the list of its parent: without its options, so that the list stays narrow. */
function termOf(command: Command): string {
  return [
    command.name(),
    ...command.registeredArguments.map((each) => {
      const name = each.variadic ? `${each.name()}...` : each.name();
      return each.required ? `<${name}>` : `[${name}]`;
    }),
  ].join(' ');
}

/** As it is typed: `barri journal export`. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
