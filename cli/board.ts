import type { Command } from 'commander';
import { boardList } from './board-list.ts';
import { boardShow } from './board-show.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { renderBoards } from './render-boards.ts';

/** Adds the commands about boards. */
export function addBoard(program: Command, io: Io): void {
  const board = program.command('board').description('Look at the boards that a site can use.');
  board
    .command('list')
    .description('List all boards: what each is, whether it runs in this version, and what proves it.')
    .option('--json', 'print JSON: the boards, the counts and what is not used')
    .addHelpText(
      'after',
      `
A board is verified when a recording or a published example of somebody else's
making gives its value through the board and its driver; otherwise it is a
community board. What is not used of these, and why, stands at the end.
Exit code 1 when a board file has errors.

Examples:
  barri board list
  barri board list --json`,
    )
    .action(async ({ json }: { readonly json?: boolean }) => {
      const list = await boardList(io.packageRoot);
      io.out(json === true ? `${JSON.stringify(list)}\n` : renderBoards(list, io));
      if (list.boards.some(({ about }) => about === undefined)) io.setExitCode(EXIT.problems);
    });
  board
    .command('show')
    .description('Show a board: wiring, parameters, readings, outputs and ports, and the lines for a site file.')
    .argument('<board>', 'id of the board, as `barri board list` shows it, or a board file')
    .option('--json', 'print JSON: the same by keys')
    .addHelpText(
      'after',
      `
The lines for a site file pass \`barri check\` as they are; ports, pins and what
is marked in them are yours to change.
Exit code 1 when the board file has errors, 2 when there is no such board.

Examples:
  barri board show bme280
  barri board show boards/my-meter.board.yaml --json`,
    )
    .action((name: string, options: { readonly json?: boolean }) => boardShow(name, options, io));
  board.addHelpText('after', '\nExamples:\n  barri board list\n  barri board show bme280');
}
