import type { Command } from 'commander';
import type { Config, DeviceConfig } from '../config/config.ts';
import { loadModules } from '../gateway/modules.ts';
import { openPeek } from '../gateway/peek.ts';
import { realHost } from '../gateway/real-host.ts';
import type { ReadingRow } from '../gateway/status.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { runUntilSignal } from './life.ts';
import { askGateway, orSayNotAsked } from './local-client.ts';
import { text } from './messages/live.ts';
import { renderProblems, renderReadings } from './render-readings.ts';
import { say } from './say.ts';
import { siteToRun } from './site.ts';
import { SITE_DEFAULT, stateFolders, stateOption } from './state-folder.ts';
import { fitted, tableColumns } from './table.ts';

/** How often `--watch` shows the readings anew. */
const WATCH_MS = 1_000;

interface ReadOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly state?: string;
}

/** Adds `barri read`. */
export function addRead(program: Command, io: Io): void {
  program
    .command('read')
    .description("Show a site's readings now: from the gateway that runs, else from the devices themselves.")
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT})`)
    .option('--watch', 'show them anew every second, until Ctrl-C')
    .option('--json', 'print JSON')
    .addOption(stateOption('state folder of the gateway, if it was started with --state'))
    .addHelpText(
      'after',
      `
Without a running gateway the devices are read directly; nothing is kept and no
output is touched.
Exit code 3 when a device does not answer.

Examples:
  barri read /etc/barri/gateway.yaml
  barri read school.gateway.yaml --watch`,
    )
    .action((site: string | undefined, options: ReadOptions) =>
      orSayNotAsked(io, () => read(site ?? io.env['BARRI_CONFIG'] ?? SITE_DEFAULT, options, io)),
    );
}

/** What of a site appears in no row. */
interface SiteDevices {
  /** Devices that have outputs and no readings. */
  readonly outputsOnly: readonly string[];
  /** Also of those that this version cannot run. */
  readonly count: number;
}

/** Where rows come from: a running gateway, or the devices. */
interface Source {
  readonly devices: SiteDevices;
  /** Undefined when the gateway has stopped. */
  rows(): Promise<readonly ReadingRow[] | undefined>;
  close(): Promise<void>;
}

async function read(file: string, options: ReadOptions, io: Io): Promise<void> {
  const source = await openSource(file, options, io);
  if (source === undefined) return;
  if (options.json === true && source.devices.outputsOnly.length > 0) say(text.outputsOnly(source.devices.outputsOnly), io);
  const show = async () => {
    const rows = await source.rows();
    if (rows === undefined) {
      io.err(text.gatewayStopped);
      io.setExitCode(EXIT.problems);
      return false;
    }
    const clear = options.watch === true && io.isTerminal ? '\x1b[H\x1b[2J' : '';
    const shown = () => clear + table(rows, source.devices, io);
    io.out(options.json === true ? `${JSON.stringify({ readings: rows })}\n` : shown());
    if (options.watch !== true && rows.some(({ quality }) => quality === 'none' || quality === 'old'))
      io.setExitCode(EXIT.device);
    return true;
  };
  if (options.watch === true) return await watch(show, source);
  let hasShown = false;
  const stop = async () => {
    if (!hasShown) io.setExitCode(EXIT.interrupted);
    await source.close();
  };
  // Within it a bus that hangs does not keep the command from ending.
  await runUntilSignal(
    { stop },
    show().finally(() => {
      hasShown = true;
    }),
  );
}

/** The readings, what is wrong with them, and why a device is not among them. */
function table(rows: readonly ReadingRow[], devices: SiteDevices, io: Io): string {
  const missing = unseen(rows, devices);
  const readings = rows.length === 0 ? '' : `${renderReadings(rows, tableColumns(io))}${renderProblems(rows, io.columns)}`;
  return `${readings}${readings !== '' && missing !== '' ? '\n' : ''}${fitted(missing, io.columns)}`;
}

function unseen(rows: readonly ReadingRow[], { outputsOnly, count }: SiteDevices): string {
  if (outputsOnly.length > 0) return text.outputsOnly(outputsOnly);
  if (rows.length > 0) return '';
  return count === 0 ? text.noDevices : text.noReadings;
}

/** Shows the readings every second, until a signal or the end of the gateway. */
async function watch(show: () => Promise<boolean>, source: Source): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    const again = () => {
      show().then((goesOn) => {
        if (goesOn) timer = setTimeout(again, WATCH_MS);
        else resolve();
      }, reject);
    };
    again();
  });
  const stop = async () => {
    clearTimeout(timer);
    await source.close();
  };
  await runUntilSignal({ stop }, ended);
}

async function openSource(file: string, options: ReadOptions, io: Io): Promise<Source | undefined> {
  const loaded = await siteToRun(file, io);
  if (loaded === undefined) return undefined;
  const { config } = loaded;
  const devices = devicesOf(config);
  for (const folder of stateFolders({ option: options.state, siteFile: file, gatewayId: config.gateway.id, env: io.env })) {
    const rows = () => askGateway<readonly ReadingRow[]>(folder, '/readings');
    if ((await rows()) !== undefined) return { devices, rows, close: async () => {} };
  }
  io.err(text.readingDirectly);
  const peek = openPeek({ config, host: realHost(() => {}), modules: await loadModules(config), fatal: io.fatal });
  return {
    devices,
    rows: async () => {
      await peek.poll();
      return peek.rows();
    },
    close: () => peek.close(),
  };
}

function devicesOf({ devices, skipped }: Config): SiteDevices {
  const hasOutputsOnly = ({ channels, outputs }: DeviceConfig) => channels.length === 0 && outputs.length > 0;
  const outputsOnly = [...devices.values()].filter(hasOutputsOnly).map(({ id }) => id);
  return { outputsOnly, count: devices.size + skipped.size };
}
