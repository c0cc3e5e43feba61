import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from './io.ts';
import { SITE_ARGUMENT } from './journal-arguments.ts';
import { eventsOf } from './journal-pages.ts';
import { isoText, secondText } from './journal-time.ts';
import { withJournal } from './journal-view.ts';
import { text } from './messages/outputs.ts';
import { OrderLog } from './order-log.ts';
import { stateOption } from './state-folder.ts';
import { cellText, tableColumns, tableLines } from './table.ts';

const LAST_DEFAULT = 20;
const LAST_MAX = 100_000;
/** Who asked, and why it was not done, may be long. */
const FROM_COLUMNS = 32;
const RESULT_COLUMNS = 60;

interface LogOptions {
  readonly state?: string;
  readonly last: number;
  readonly json?: boolean;
}

/** Adds `barri outputs log`. */
export function addOutputsLog(outputs: Command, io: Io): void {
  outputs
    .command('log')
    .description('Show the orders that outputs were given: when, by whom, and what became of each.')
    .argument('[site]', SITE_ARGUMENT)
    .addOption(stateOption('state folder of the gateway'))
    .option('--last <count>', 'so many of the newest', countOf, LAST_DEFAULT)
    .option('--json', 'print JSON: a list of orders, the oldest first')
    .addHelpText(
      'after',
      `
Reads the journal, beside a running gateway too. Times are UTC. What \`max_on\`,
the end of an order's time, a lost city and a stray output did is there as well,
and what was refused: three at once, then one in ten seconds and how many more.

Examples:
  barri outputs log
  barri outputs log garden.gateway.yaml --last 100`,
    )
    .action((site: string | undefined, options: LogOptions) => showLog({ site, state: options.state }, options, io));
}

async function showLog(told: Parameters<typeof withJournal>[0], { last, json }: LogOptions, io: Io): Promise<void> {
  await withJournal(told, io, async ({ journal, times }) => {
    const log = new OrderLog(last);
    for await (const stored of eventsOf(journal)) log.take(stored);
    const { timeOf } = await times();
    const orders = log.orders.map(({ stamp, ...order }) => {
      const time = timeOf(stamp);
      return { ...order, wallMs: 'wallMs' in time ? time.wallMs : undefined };
    });
    if (json === true) {
      const listed = orders.map(({ wallMs, ...order }) => ({ ...(wallMs !== undefined && { time: isoText(wallMs) }), ...order }));
      return io.out(`${JSON.stringify(listed)}\n`);
    }
    if (orders.length === 0) return io.out(text.noOrders);
    const rows = orders.map(({ wallMs, output, on, from, result, leftOut }) => [
      wallMs === undefined ? text.noTime : secondText(wallMs),
      output,
      on === undefined ? text.notUnderstood : text.state(on),
      cellText(from, FROM_COLUMNS),
      cellText(text.result(result, leftOut), RESULT_COLUMNS),
    ]);
    io.out(`${tableLines([[...text.logHead], ...rows], new Set(), tableColumns(io)).join('\n')}\n`);
  });
}

function countOf(written: string): number {
  const count = Number(written);
  if (/^\d+$/.test(written) && count >= 1 && count <= LAST_MAX) return count;
  throw new InvalidArgumentError(`Give a whole number from 1 to ${LAST_MAX}.`);
}
