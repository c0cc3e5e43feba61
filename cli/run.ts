import { type Command, Option } from 'commander';
import { openGateway } from '../gateway/gateway.ts';
import { LockHeldError, type Log, type LogLevel } from '../gateway/host.ts';
import { frameLog, jsonLog } from '../gateway/log.ts';
import { loadModules } from '../gateway/modules.ts';
import { realClock, realHost } from '../gateway/real-host.ts';
import { beginBeats } from './beat.ts';
import { brokerLogin } from './broker-login.ts';
import { cityCredentials } from './city-credentials.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { openLeftOutputs } from './left-outputs.ts';
import { runUntilSignal } from './life.ts';
import { text } from './messages/live.ts';
import { text as outputsText } from './messages/outputs.ts';
import { runSupervised } from './run-supervised.ts';
import { say } from './say.ts';
import { siteToRun } from './site.ts';
import { claimFolder, orSayUnusable, SITE_DEFAULT, stateFolder, stateOption } from './state-folder.ts';
import { type LostAtEnd, stopGateway } from './stop-gateway.ts';
import { tooFewThreads } from './thread-pool.ts';

interface RunOptions {
  readonly state?: string;
  readonly logLevel: LogLevel;
  readonly supervised?: boolean;
}

/** Adds `barri run`. */
export function addRun(program: Command, io: Io): void {
  program
    .command('run')
    .description('Run the gateway of a site: measure, keep, deliver. Ends with Ctrl-C or SIGTERM.')
    .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT})`)
    .addOption(
      stateOption('where the journal is kept (default: /var/lib/barri for /etc/barri, else ~/.local/state/barri/<gateway>)'),
    )
    .addOption(logLevelOption(io))
    .option('--json', 'print JSON lines: the default, and the only form')
    .option('--supervised', 'start it again when it hangs or ends, with its outputs made safe each time')
    .addHelpText(
      'after',
      `
Prints one JSON line for each thing that changes; quiet while all is well.
With --supervised a second process watches it: one that gives no sign of life
for ten seconds (two minutes while it starts) is killed, and after each end the
outputs are made safe as by \`barri outputs safe\`.

Examples:
  barri run /etc/barri/gateway.yaml --supervised
  barri run school.gateway.yaml --state /tmp/school --log-level debug`,
    )
    .action((site: string | undefined, options: RunOptions) => run(site ?? io.env['BARRI_CONFIG'] ?? SITE_DEFAULT, options, io));
}

/** `--log-level`, with its environment variable. */
export function logLevelOption(io: Io): Option {
  return new Option('--log-level <level>', 'least serious lines to print')
    .choices(['error', 'warning', 'info', 'debug'])
    .default(io.env['BARRI_LOG_LEVEL'] ?? 'info');
}

async function run(file: string, options: RunOptions, io: Io): Promise<void> {
  if (options.supervised === true) {
    const folder = options.state === undefined ? [] : ['--state', options.state];
    const own = ['run', file, ...folder, '--log-level', options.logLevel];
    return await runSupervised({ run: own, safe: ['outputs', 'safe', file, ...folder] }, io);
  }
  const loaded = await siteToRun(file, io);
  if (loaded === undefined) return;
  const { config, site } = loaded;
  const credentials = await cityCredentials(config, site, file, io);
  if (credentials === undefined) return;
  const mqttLogin = await brokerLogin(config, site, file, io);
  if (mqttLogin === undefined) return;
  const threads = tooFewThreads(config.buses.values(), io.env);
  if (threads !== undefined) say(text.tooFewThreads(threads), io);
  const log = jsonLog({
    clock: realClock(),
    write: io.out,
    level: options.logLevel,
    journald: io.env['JOURNAL_STREAM'] !== undefined,
  });
  const folder = stateFolder({
    option: options.state,
    siteFile: file,
    gatewayId: config.gateway.id,
    simulated: false,
    env: io.env,
  });
  const modules = await loadModules(config);
  if (!(await claimFolder(folder, false, io))) return;
  const { fatal } = io;
  const tap = options.logLevel === 'debug' ? { tap: frameLog(log) } : {};
  const host = realHost(log);
  const left = openLeftOutputs(file, config, folder, { host, fatal });
  const beats = beginBeats();
  try {
    const gateway = await startOrSay(folder, io, () =>
      openGateway(config, host, {
        stateFolder: folder,
        modules,
        fatal,
        leaving: () => left.makeSafe(),
        taken: () => left.keep(),
        ...tap,
        ...credentials,
        mqttLogin,
      }),
    );
    if (gateway === undefined) return;
    const { outputsSafe } = gateway;
    const stop = async () => {
      const told = sayUnsafe(outputsSafe, io);
      sayLost(await stopGateway(gateway), log);
      await told;
    };
    const running = runUntilSignal({ outputsSafe, stop });
    beats.of(gateway);
    await running;
  } finally {
    beats.end();
  }
}

/** Outputs that have not taken their safe state at a stop, as soon as that is known: whatever else hangs. */
async function sayUnsafe(outputsSafe: Promise<readonly string[]>, io: Io): Promise<void> {
  const unsafe = await outputsSafe;
  if (unsafe.length > 0) say(outputsText.notSafeAtStop(unsafe), io, EXIT.device);
}

/** Records that were in memory only when the gateway ended. */
export function sayLost(lost: LostAtEnd | undefined, log: Log): void {
  if (lost !== undefined) log('error', 'journal-records-lost', { ...lost });
}

/** Starts a gateway; what a person can mend is said with the way out, and undefined returned. */
export async function startOrSay<T>(folder: string, io: Io, start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await orSayUnusable(folder, io, start);
  } catch (error) {
    if (error instanceof LockHeldError) {
      return say(text.stateFolderLocked(folder), io, EXIT.tryAgain);
    }
    throw error;
  }
}
