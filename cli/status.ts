import { promises as fs } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { uplinkOf } from '../gateway/journal/cursor-file.ts';
import type { JournalStats } from '../gateway/journal/journal.ts';
import { NOT_AVAILABLE } from '../gateway/problem-code.ts';
import type { GatewayStatus } from '../gateway/status.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { type Absence, findJournal, stateFolderAt } from './journal-find.ts';
import { gapsOf, lossOfGap } from './journal-losses.ts';
import { closeLooked, openToLook, orSayUnreadable, placeOf } from './journal-place.ts';
import { errorOutput, openProgress } from './journal-progress.ts';
import { countWaiting } from './journal-waiting.ts';
import { askGateway, orSayNotAsked } from './local-client.ts';
import { type LockHolder, lockHolder } from './lock-holder.ts';
import { text as brokerText } from './messages/broker.ts';
import { text } from './messages/live.ts';
import { isLoss, ordersLines, renderStatus, storedLines } from './render-status.ts';
import { say } from './say.ts';
import { isSimulated, SITE_DEFAULT, stateOfEnvironment, stateOption } from './state-folder.ts';
import { fitted } from './table.ts';

interface StatusOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** Adds `barri status`. */
export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('Show what is measured, what is stored and what the city has.')
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT}); not needed with --state`)
    .addOption(stateOption('state folder of the gateway'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit code 1 when something is wrong: a device silent, an output that does not
do what it should, the city or the broker out of reach, readings lost, a gateway
that does not answer. Without a gateway it tells of the journal alone: 1 when
something in it is damaged or missing.

Examples:
  barri status
  barri status school.gateway.yaml --json`,
    )
    .action((site: string | undefined, options: StatusOptions) => orSayNotAsked(io, () => showStatus(site, options, io)));
}

async function showStatus(site: string | undefined, options: StatusOptions, io: Io): Promise<void> {
  // With a folder at hand the site's file does not matter, even when it is wrong.
  const told = options.state ?? stateOfEnvironment(io.env);
  const place = await placeOf({ state: told, site: told === undefined ? site : undefined }, io);
  if (place === undefined) return;
  for (const folder of place.folders) {
    const stateFolder = await stateFolderAt(folder);
    const status = await askGateway<GatewayStatus>(stateFolder, '/status');
    if (status === undefined) continue;
    const simulated = await isSimulated(stateFolder);
    if (simulated) say(text.simulatedReadings(stateFolder), io);
    const shown = () => renderStatus(status, io.columns, simulated);
    io.out(options.json === true ? `${JSON.stringify({ running: true, ...status })}\n` : shown());
    if (!isHealthy(status)) io.setExitCode(EXIT.problems);
    return;
  }
  const { config } = place;
  let absence: Absence | undefined;
  for (const folder of place.folders) {
    const holder = await lockHolder(await stateFolderAt(folder));
    if (holder !== undefined) say(text.notAnswering(folder, holder.pid), io, EXIT.problems);
    const found = await orSayUnreadable(folder, io, () => findJournal(folder));
    if (found === undefined || (typeof found === 'string' && holder !== undefined)) return;
    if (typeof found !== 'string') return await showStored(found.journalFolder, { folder, holder, config }, options, io);
    absence ??= found;
  }
  say(text.noJournal(place.folders[0] ?? '', absence ?? 'missing', place.toldBy), io, EXIT.problems);
}

/** Without a gateway that answers: what the journal holds. */
async function showStored(
  journalFolder: string,
  {
    folder,
    holder,
    config,
  }: { readonly folder: string; readonly holder: LockHolder | undefined; readonly config: Config | undefined },
  options: StatusOptions,
  io: Io,
): Promise<void> {
  const stored = await orSayUnreadable(folder, io, () => storedIn(journalFolder, config, io));
  if (stored === undefined) return;
  if (await isSimulated(dirname(resolve(journalFolder)))) say(text.simulatedReadings(folder), io);
  const running = holder === undefined ? { running: false } : { running: true, answering: false, ...holder };
  if (stored.missingCount > 0 || stored.stored.damage.some(isLoss)) io.setExitCode(EXIT.problems);
  if (options.json === true) return io.out(`${JSON.stringify({ ...running, ...stored })}\n`);
  const intro = holder === undefined ? text.notRunning(folder) : text.keptSoFar;
  const missing = stored.missingCount === 0 ? [] : [text.missing(stored.missingCount, stored.isExact)];
  const forBroker = stored.brokerWaitingCount === undefined ? [] : [brokerText.waiting(stored.brokerWaitingCount)];
  const lines = [...storedLines(stored.stored, stored.waitingCount), ...forBroker, ...missing];
  io.out(fitted(`${intro}${lines.join('\n')}\n`, io.columns));
}

type HealthStatus = Pick<
  GatewayStatus,
  'devices' | 'readings' | 'outputs' | 'buses' | 'stored' | 'city' | 'orders' | 'broker' | 'threadsStuckMs'
>;

/** Whether nothing is wrong. A device that was not due yet since the start is none that does not answer. */
export function isHealthy(status: HealthStatus): boolean {
  const { devices, readings = [], outputs = [], buses, stored, city, broker, threadsStuckMs } = status;
  const measures =
    devices.every(({ state }) => state === 'ok' || state === 'starting') &&
    // That a device has no value right now is how it should be: a receiver without satellites, a sensor that warms up.
    readings.every(({ problem }) => problem === undefined || problem.code === NOT_AVAILABLE) &&
    !buses.some(({ state }) => state === 'saturated');
  const keeps =
    threadsStuckMs === undefined &&
    stored.failing === undefined &&
    stored.slow === undefined &&
    stored.sealingFailure === undefined &&
    stored.evictedUndeliveredCount === 0 &&
    stored.overwrittenCount === 0 &&
    !stored.damage.some(isLoss);
  const delivers = [city, broker].every(
    (uplink) =>
      uplink === undefined ||
      (uplink.state !== 'unreachable' &&
        uplink.state !== 'refused' &&
        uplink.held.length === 0 &&
        uplink.homeAssistant === undefined &&
        // A gateway of an earlier version does not look.
        (uplink.differing ?? []).length === 0),
  );
  return measures && outputs.length === 0 && keeps && delivers && ordersLines(status).length === 0;
}

/** What a journal holds, how many of its records the city and the broker have not, and how many are lost. */
interface Stored {
  readonly stored: JournalStats;
  /** Undefined where nothing is sent there. */
  readonly waitingCount?: number;
  readonly brokerWaitingCount?: number;
  /** Records that the journal itself has on record as lost; at most so many, unless that is exact. */
  readonly missingCount: number;
  readonly isExact: boolean;
}

/** What a journal holds, read without changing a byte. */
async function storedIn(journalFolder: string, config: Config | undefined, io: Io): Promise<Stored> {
  const journal = await openToLook(journalFolder);
  try {
    const stored = journal.stats();
    const waiting = async (uplink: 'sentilo' | 'mqtt') => {
      const delivery = await journal.delivery(uplink);
      const progress = openProgress(text.counting, Math.max(0, stored.lastSequence - delivery.lowWater), errorOutput(io.err));
      const { count } = await countWaiting(journal, delivery, progress.to);
      progress.end();
      return count;
    };
    const sent = await sentTo(journalFolder, config);
    const missing = (await gapsOf(journal)).map(lossOfGap);
    const missingCount = missing.reduce((sum, { count }) => sum + count, 0);
    return {
      stored,
      ...(sent.city && { waitingCount: await waiting('sentilo') }),
      ...(sent.broker && { brokerWaitingCount: await waiting('mqtt') }),
      missingCount,
      isExact: missing.every((loss) => loss.isExact),
    };
  } finally {
    await closeLooked(journal);
  }
}

/** Where its records go: as the site says, else as the cursors tell that the deliveries have left; without any, to the city. */
async function sentTo(journalFolder: string, config: Config | undefined): Promise<{ city: boolean; broker: boolean }> {
  if (config !== undefined) return { city: config.sentilo !== undefined, broker: config.mqtt !== undefined };
  const uplinks = (await fs.readdir(journalFolder)).map(uplinkOf);
  const broker = uplinks.includes('mqtt');
  return { city: uplinks.includes('sentilo') || !broker, broker };
}
