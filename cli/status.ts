import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { type Disk, DiskError } from '../gateway/host.ts';
import { JournalError, type JournalStats } from '../gateway/journal/journal.ts';
import { openJournal } from '../gateway/journal/open-journal.ts';
import { realClock, realHost } from '../gateway/real-host.ts';
import type { JournalRecord } from '../gateway/record.ts';
import type { GatewayStatus } from '../gateway/status.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { askGateway, orSayNotAllowed } from './local-client.ts';
import { text } from './messages/live.ts';
import { isLoss, renderStatus, storedLines } from './render-status.ts';
import { siteToRun } from './site.ts';
import { SITE_DEFAULT, stateFolders } from './state-folder.ts';

/** Records that are read at once while counting what waits. */
const PAGE = 1_000;

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
    .option('--state <folder>', 'state folder of the gateway')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit code 1 when something is wrong: a device silent, the city out of reach, readings lost.

Examples:
  barri status
  barri status school.gateway.yaml --json`,
    )
    .action((site: string | undefined, options: StatusOptions) => orSayNotAllowed(io, () => showStatus(site, options, io)));
}

async function showStatus(site: string | undefined, options: StatusOptions, io: Io): Promise<void> {
  const folders = await foldersOf(site, options, io);
  if (folders === undefined) return;
  for (const folder of folders) {
    const status = await askGateway<GatewayStatus>(folder, '/status');
    if (status === undefined) continue;
    io.out(options.json === true ? `${JSON.stringify({ running: true, ...status })}\n` : renderStatus(status));
    if (!isHealthy(status)) io.setExitCode(EXIT.problems);
    return;
  }
  for (const folder of folders) {
    const stored = await storedOrSay(folder, io);
    if (stored === 'unusable') return;
    if (stored === undefined) continue;
    if (options.json === true) return io.out(`${JSON.stringify({ running: false, ...stored })}\n`);
    io.out(text.notRunning(folder));
    return io.out(`${storedLines(stored.stored, stored.waitingCount).join('\n')}\n`);
  }
  io.err(text.noJournal(folders[0] ?? ''));
  io.setExitCode(EXIT.problems);
}

async function foldersOf(site: string | undefined, options: StatusOptions, io: Io): Promise<string[] | undefined> {
  const told = options.state ?? io.env['BARRI_STATE_DIR'];
  if (told !== undefined) return [told];
  const file = site ?? io.env['BARRI_CONFIG'] ?? SITE_DEFAULT;
  const loaded = await siteToRun(file, io);
  if (loaded === undefined) return undefined;
  return stateFolders({ option: undefined, siteFile: file, gatewayId: loaded.config.gateway.id, env: io.env });
}

function isHealthy({ measuring, stored, city }: GatewayStatus): boolean {
  const measures = measuring.answeringCount === measuring.deviceCount;
  const keeps = stored.failing === undefined && stored.evictedUndeliveredCount === 0 && !stored.damage.some(isLoss);
  const delivers = city === undefined || (city.state !== 'unreachable' && city.state !== 'refused' && city.held.length === 0);
  return measures && keeps && delivers;
}

/** What a journal holds, and how many of its records the city has not. */
interface Stored {
  readonly stored: JournalStats;
  readonly waitingCount: number;
}

/** As storedIn; a journal that cannot be read is said. */
async function storedOrSay(folder: string, io: Io): Promise<Stored | 'unusable' | undefined> {
  try {
    return await storedIn(folder);
  } catch (error) {
    if (!(error instanceof DiskError || error instanceof JournalError)) throw error;
    io.err(text.stateFolderUnusable(folder, error.message));
    io.setExitCode(EXIT.forbidden);
    return 'unusable';
  }
}

/** What the journal in a state folder holds, read without changing a byte; undefined when there is none. */
async function storedIn(folder: string): Promise<Stored | undefined> {
  const { disk } = realHost(() => {});
  const journalFolder = join(folder, 'journal');
  if ((await disk.size(journalFolder)) === undefined) return undefined;
  const limits = { syncMs: 0, maxSizeBytes: Number.MAX_SAFE_INTEGER, keepMs: Number.MAX_SAFE_INTEGER };
  const journal = await openJournal(readOnly(disk), journalFolder, { clock: realClock(), log: () => {}, ...limits });
  const stored = journal.stats();
  const delivery = await journal.delivery('sentilo');
  let waitingCount = 0;
  for (let from = delivery.lowWater + 1; from <= stored.lastSequence; ) {
    const page = await journal.read(from, PAGE);
    waitingCount += page.filter(({ sequence, record }) => isForCity(record) && !delivery.isDelivered(sequence)).length;
    from = (page.at(-1)?.sequence ?? stored.lastSequence) + 1;
  }
  return { stored, waitingCount };
}

function isForCity(record: JournalRecord): boolean {
  return record.kind === 'observation' && record.publish;
}

/** The same disk, refusing every change as a write-protected card does. */
function readOnly(disk: Disk): Disk {
  const refuse = async (path: string): Promise<never> => {
    throw new DiskError('EROFS', `${path} is only being looked at`);
  };
  return {
    ...disk,
    mkdir: async (path) => ((await disk.size(path)) === undefined ? refuse(path) : undefined),
    open: async (path, mode) => {
      if (mode === 'create' && (await disk.size(path)) === undefined) return await refuse(path);
      const file = await disk.open(path, 'read');
      return { ...file, pwrite: () => refuse(path), truncate: () => refuse(path), fdatasync: () => refuse(path) };
    },
    rename: refuse,
    unlink: refuse,
    fsyncDir: (path) => refuse(dirname(path)),
  };
}
