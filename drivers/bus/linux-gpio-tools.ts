// The tools of libgpiod, which speak to the character devices /dev/gpiochip*. Debian 12 has generation 1 (1.6.3), Debian 13
// generation 2 (2.2): other options, other outputs. Source: their manual pages and --help.

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { BusError } from '../errors.ts';
import type { Edge, EdgeListener } from './followed-input.ts';
import type { Pull } from './gpio.ts';
import { groupFix } from './linux-group.ts';

/** What a chip's lines are reached by. */
export interface GpioChip {
  /** Such as gpiochip0. */
  readonly name: string;
  /** What the driver calls it, such as pinctrl-bcm2711. */
  readonly label: string;
  readonly lineCount: number;
}

/** The installed tools, whichever generation. */
export interface GpioTools {
  chips(): Promise<GpioChip[]>;
  /** The level of a line that nobody else uses; sets it up as an input with this pull. */
  get(chip: string, line: number, pull: Pull): Promise<boolean>;
  /**
   * Tells `listener` of each edge until `signal` is aborted, then resolves.
   * @throws BusError `busy` with the program that has the line, `no-permission`, or `closed` when it ended by itself
   */
  monitor(chip: string, line: number, pull: Pull, listener: EdgeListener, signal: AbortSignal): Promise<void>;
  /** Who uses a line, as the kernel knows it; undefined when nobody does. */
  consumer(chip: string, line: number): Promise<string | undefined>;
}

const CONSUMER = 'barri';
const BIAS_1: Readonly<Record<Pull, string>> = { up: 'pull-up', down: 'pull-down', none: 'disable' };
const BIAS_2: Readonly<Record<Pull, string>> = { up: 'pull-up', down: 'pull-down', none: 'disabled' };
/**
 * So many lines at least are held between gpiomon and us while we stand still: it writes each by itself, and the kernel counts up to
 * 1,280 bytes for one, of the 160 KiB that the smallest machines give a socket (net.core.wmem_default); of the usual 208 KiB
 * 278 were seen. A program that cannot write does not read either, and the kernel keeps 16 edges for it before it drops some.
 */
const LINES_HELD = 128;
/** `gpiochip0 [pinctrl-bcm2711] (58 lines)` */
const CHIP = /^(\S+) \[(.*)\] \((\d+) lines\)$/;
/** Generation 1: `\tline  17:  unnamed  "sysfs"  input  active-high [used]`; a consumer without a name is `kernel` or `"?"`. */
const LINE_1 = /^\s*line\s+(\d+):\s+(?:unnamed|"[^"]*")\s+(unused|"[^"]*"|\S+)\s/;
/** Generation 2: `\tline  17:\tunnamed\toutput consumer="sysfs"`, or without a consumer. */
const LINE_2 = /^\s*line\s+(\d+):.*?\bconsumer=(?:"([^"]*)"|(\S+))/;
/** Generation 1 with `%e %s %n`: the event (1 rising, 0 falling), seconds and nanoseconds. */
const EDGE_1 = /^([01]) (\d+) (\d+)$/;
/** Generation 2 with `%e %S`: the event (1 rising, 2 falling), and seconds with nanoseconds behind the dot. */
const EDGE_2 = /^([12]) (\d+)\.(\d{9})$/;

/**
 * Finds the tools and their generation. `folder` is where they are; without it they are looked for in PATH.
 * @throws BusError `unsupported` when they are not installed
 */
export async function gpioTools(folder?: string): Promise<GpioTools> {
  const program = (name: string) => (folder === undefined ? name : join(folder, name));
  const run = async (name: string, args: readonly string[]) =>
    (await promisify(execFile)(program(name), [...args], { env: { ...process.env, LC_ALL: 'C' } })).stdout;
  const version = await run('gpiodetect', ['--version']).catch((cause: Failed) => {
    if (cause.code !== 'ENOENT') throw refusal('GPIO', saidBy(cause), cause);
    throw new BusError('unsupported', 'GPIO: the tools of libgpiod are not there; sudo apt-get install gpiod', { cause });
  });
  // Generation 1 goes on with its licence, LGPLv2.1.
  const isSecond = /\(libgpiod\) v2\./.test(version);

  const consumer = async (chip: string, line: number) => {
    const found = (await run('gpioinfo', isSecond ? ['--chip', chip] : [chip])).split('\n').flatMap((text) => {
      const [, number, quoted, plain] = (isSecond ? LINE_2 : LINE_1).exec(text) ?? [];
      return Number(number) === line ? [quoted ?? plain ?? ''] : [];
    })[0];
    return found === undefined || found === 'unused' ? undefined : found.replaceAll('"', '');
  };
  const failure = async (chip: string, line: number, said: string, cause?: unknown) => {
    const where = `GPIO line ${line} (${chip})`;
    if (/busy/i.test(said)) {
      const who = await consumer(chip, line).catch(() => undefined);
      return new BusError('busy', `${where} is used by ${who ?? 'another program'}`, { cause });
    }
    return refusal(where, said, cause);
  };
  return {
    consumer,
    chips: async () => {
      try {
        return chipsIn(await run('gpiodetect', []));
      } catch (error) {
        // It fails as a whole where it may not open one of them, and names the others all the same.
        const cause = error as Failed;
        const others = chipsIn(cause.stdout ?? '');
        if (others.length > 0) return others;
        throw refusal('GPIO', saidBy(cause), cause);
      }
    },
    get: async (chip, line, pull) => {
      const args = isSecond
        ? ['--numeric', '--consumer', CONSUMER, '--bias', BIAS_2[pull], '--chip', chip, String(line)]
        : ['--bias', BIAS_1[pull], chip, String(line)];
      const said = await run('gpioget', args).catch(async (cause: Failed) => {
        throw await failure(chip, line, saidBy(cause), cause);
      });
      const level = said.trim();
      if (level !== '0' && level !== '1') throw await failure(chip, line, `expected 0 or 1 of gpioget, found ${level}`);
      return level === '1';
    },
    monitor: async (chip, line, pull, { onEdge, onMissed }, signal) => {
      const args = isSecond
        ? ['--consumer', CONSUMER, '--bias', BIAS_2[pull], '--format', '%e %S', '--chip', chip, String(line)]
        : ['--line-buffered', '--bias', BIAS_1[pull], '--format', '%e %s %n', chip, String(line)];
      const onLine = (text: string) => {
        const edge = edgeOf(text, isSecond);
        if (edge !== undefined) onEdge(edge);
      };
      const said = await followed(program('gpiomon'), args, signal, { onLine, onBacklog: onMissed });
      if (!signal.aborted) throw await failure(chip, line, said);
    },
  };
}

/** How a program ended that was not there, could not be started, or did not end with 0. */
interface Failed extends NodeJS.ErrnoException {
  readonly stdout?: string;
  readonly stderr?: string;
}

function saidBy({ stderr, message }: Failed): string {
  return stderr?.trim() || message;
}

/** Why a chip or a line cannot be used, from what a tool said. */
function refusal(where: string, said: string, cause: unknown): BusError {
  if (/permission denied|not permitted/i.test(said))
    return new BusError('no-permission', `${where}: this user may not use it; ${groupFix('gpio')}`, { cause });
  if (/no such (?:file|device)|not found|cannot find/i.test(said))
    return new BusError('absent', `${where} is not there: ${said}`, { cause });
  return new BusError('closed', `${where}: ${said}`, { cause });
}

function chipsIn(detected: string): GpioChip[] {
  return detected.split('\n').flatMap((text) => {
    const [, name, label = '', count] = CHIP.exec(text) ?? [];
    return name === undefined ? [] : [{ name, label, lineCount: Number(count) }];
  });
}

/** What one line of gpiomon says; undefined for a line that is none of its formats, such as the half of one. */
function edgeOf(text: string, isSecond: boolean): Edge | undefined {
  const [, event, seconds, nanoseconds] = (isSecond ? EDGE_2 : EDGE_1).exec(text) ?? [];
  if (event === undefined) return undefined;
  return { level: event === '1', atMs: Number(seconds) * 1000 + Number(nanoseconds) / 1e6 };
}

interface LineListener {
  onLine(text: string): void;
  /** As much had come at once as the channel to the program may hold, so that it may have had to wait. */
  onBacklog(): void;
}

/** Runs a program until it ends or `signal` is aborted, hands its lines over, and returns what it said of its end. */
async function followed(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  { onLine, onBacklog }: LineListener,
): Promise<string> {
  if (signal.aborted) return '';
  // Its own group, because the terminal's Ctrl-C is ours to handle. setpriv (util-linux) ends it with us, whatever ends us:
  // otherwise it would hold the line until the next edge breaks its pipe.
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, LC_ALL: 'C' },
  });
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-500);
  });
  let togetherCount = 0;
  child.stdout.on('data', () => {
    togetherCount = 0;
  });
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (signal.aborted) return;
    onLine(text);
    togetherCount += 1;
    if (togetherCount === LINES_HELD) onBacklog();
  });
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null];
    return said.trim() || `gpiomon ended (${killedBy ?? code})`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
