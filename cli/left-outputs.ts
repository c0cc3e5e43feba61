import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { Host } from '../gateway/host.ts';
import { loadModules } from '../gateway/modules.ts';
import { type MadeSafe, makeOutputsSafe } from '../gateway/outputs/make-safe.ts';
import { keepSite, keptIn, outputsNoLongerIn, type SwitchedSite, withOutputs } from './kept-site.ts';

/** What the outputs of one site may keep a start waiting. */
const LEFT_MS_MAX = 5_000;

/** What making outputs safe takes beside the sites that they are of. */
export interface Around {
  readonly host: Host;
  readonly fatal: (error: unknown) => void;
}

/**
 * At a start, before anything is opened: makes safe what the gateway was started with on this folder before and the site has no more,
 * and only then keeps this site in its place, with what of that has not followed. Nothing that was kept keeps a gateway from starting.
 */
export async function replaceKept(siteFile: string, config: Config, folder: string, { host, fatal }: Around): Promise<void> {
  const { log, disk } = host;
  const kept = await keptIn(folder, disk);
  if (kept?.isWhole === false) log('error', 'outputs-kept-unreadable', { path: kept.path });
  const left = leftOf(config, kept?.sites ?? []);
  const still: SwitchedSite[] = [];
  if (left.length > 0) {
    // Whatever the others take or do, the outputs of this site wait for nothing.
    const modules = await loadModules(config);
    await inTime((late) => makeOutputsSafe({ config, host, fatal, modules }, late));
    for (const site of left) {
      const made = await inTime((late) => makeLeftSafe(site, { host, fatal }, late));
      for (const { output, on, problem: message } of made) {
        if (message === undefined) log('warning', 'left-output-made-safe', { output, on });
        else log('error', 'left-output-not-safe', { output, on, message, kept: kept?.path });
      }
      const failed = new Set(made.filter(({ problem }) => problem !== undefined).map(({ output }) => output));
      still.push(withOutputs(site, ({ id }, output) => failed.has(`${id}.${output}`)));
    }
  }
  await keepSite(siteFile, config, host, folder, still);
}

/** What there is to make safe of sites that were kept, beside the outputs of `now`. */
export function leftOf(now: SwitchedSite | undefined, kept: readonly SwitchedSite[]): readonly SwitchedSite[] {
  const left = kept.map((site) => (now === undefined ? site : outputsNoLongerIn(now, site)));
  return left.filter(({ devices }) => devices.size > 0);
}

/** Makes safe what was kept of a site. What cannot be used of it is a problem of its outputs, and none of this program. */
export async function makeLeftSafe(
  site: SwitchedSite,
  { host, fatal }: Around,
  late?: Promise<unknown>,
): Promise<readonly MadeSafe[]> {
  try {
    return await makeOutputsSafe({ config: site, host, fatal, modules: await loadModules(site) }, late);
  } catch (error) {
    const problem = `what was kept of it cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    return [...site.devices.values()].flatMap(({ id, outputs }) =>
      outputs.map((output) => ({ output: `${id}.${output.id}`, on: output.safe, problem })),
    );
  }
}

/** Runs what ends early when `late` resolves. */
async function inTime<T>(work: (late: Promise<void>) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = sleep(LEFT_MS_MAX, undefined, { signal: over.signal }).catch(() => {});
  try {
    return await work(late);
  } finally {
    over.abort();
  }
}
