import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from './io.ts';
import { SITE_ARGUMENT } from './journal-arguments.ts';
import { eventsOf } from './journal-pages.ts';
import { isoText } from './journal-time.ts';
import { withJournal } from './journal-view.ts';
import { text } from './messages/outputs.ts';
import { OrderLog } from './order-log.ts';
import { orderTable } from './order-table.ts';
import { stateOption } from './state-folder.ts';

const LAST_DEFAULT = 20;
const LAST_MAX = 100_000;

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
Reads the journal, beside a running gateway too. Times are those of the site's
time zone (with --state alone, of this machine's); in JSON they are UTC. What
\`max_on\`, \`never_with\`, the end of an order's time, a lost city, a stray
output, a stop and a start after a crash did is there as well, and what was
refused: three at once, then one in ten seconds and how many more.

Examples:
  barri outputs log
  barri outputs log garden.gateway.yaml --last 100`,
    )
    .action((site: string | undefined, options: LogOptions) => showLog({ site, state: options.state }, options, io));
}

async function showLog(told: Parameters<typeof withJournal>[0], { last, json }: LogOptions, io: Io): Promise<void> {
  await withJournal(told, io, async ({ journal, times, config }) => {
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
    const rows = orders.map(({ wallMs, output, on, forMs, from, result, leftOut }) => ({
      wallMs,
      about: output,
      order: on === undefined ? text.notUnderstood : text.ordered(on, forMs),
      from,
      result: text.result(result, leftOut),
    }));
    io.out(`${orderTable(rows, config?.gateway.timezone, io).join('\n')}\n`);
  });
}

function countOf(written: string): number {
  const count = Number(written);
  if (/^\d+$/.test(written) && count >= 1 && count <= LAST_MAX) return count;
  throw new InvalidArgumentError(`Give a whole number from 1 to ${LAST_MAX}.`);
}
