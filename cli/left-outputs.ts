import type { Config } from '../config/config.ts';
import { withDeadline } from '../drivers/clock.ts';
import type { Host } from '../gateway/host.ts';
import { loadModules } from '../gateway/modules.ts';
import { type MadeSafe, makeOutputsSafe } from '../gateway/outputs/make-safe.ts';
import { keepSite, keptIn, outputsNoLongerIn, type SwitchedSite, withOutputs } from './kept-site.ts';

/** What the outputs of one site may keep a start waiting. */
const LEFT_MS_MAX = 5_000;
/** What a card may take to tell of others before the outputs of the site wait no longer. */
const KEPT_MS_MAX = 1_000;

/** What making outputs safe takes beside the sites that they are of. */
export interface Around {
  readonly host: Host;
  readonly fatal: (error: unknown) => void;
}

/** What a start does about the outputs that the gateway was started with on this folder before, and the site has no more. */
export interface LeftOutputs {
  /** Makes them safe, before anything is opened. Nothing that was kept keeps a gateway from starting. */
  makeSafe(): Promise<void>;
  /** Keeps this site in the place of what was kept, with what of that has not followed. */
  keep(): Promise<void>;
}

export function openLeftOutputs(siteFile: string, config: Config, folder: string, { host, fatal }: Around): LeftOutputs {
  const still: SwitchedSite[] = [];
  return {
    async makeSafe() {
      const { log, disk } = host;
      // Whatever the card or the others take or do, the outputs of this site wait for nothing.
      const makeOwnSafe = async () =>
        await makeOutputsSafe({ config, host, fatal, modules: await loadModules(config) }, LEFT_MS_MAX);
      const reading = keptIn(folder, disk);
      const isLate = !(await settlesWithin(KEPT_MS_MAX, reading, host));
      if (isLate) await makeOwnSafe();
      const kept = await reading;
      if (kept?.isWhole === false) log('error', 'outputs-kept-unreadable', { path: kept.path });
      const left = leftOf(config, kept?.sites ?? []);
      if (left.length === 0) return;
      if (!isLate) await makeOwnSafe();
      for (const site of left) {
        const made = await makeLeftSafe(site, { host, fatal }, LEFT_MS_MAX);
        for (const { output, on, problem: message } of made) {
          if (message === undefined) log('warning', 'left-output-made-safe', { output, on });
          else log('error', 'left-output-not-safe', { output, on, message, kept: kept?.path });
        }
        const failed = new Set(made.filter(({ problem }) => problem !== undefined).map(({ output }) => output));
        still.push(withOutputs(site, ({ id }, output) => failed.has(`${id}.${output}`)));
      }
    },
    keep: () => keepSite(siteFile, config, host, folder, still),
  };
}

/** Whether it is done in this time. Rejects as `work` does. */
async function settlesWithin(forMs: number, work: Promise<unknown>, { clock }: Pick<Host, 'clock'>): Promise<boolean> {
  const late = new Error(`not done within ${forMs} ms`);
  try {
    await withDeadline(
      clock,
      forMs,
      new AbortController().signal,
      () => late,
      () => work,
    );
    return true;
  } catch (error) {
    if (error !== late) throw error;
    return false;
  }
}

/** What there is to make safe of sites that were kept, beside the outputs of `now`. */
export function leftOf(now: SwitchedSite | undefined, kept: readonly SwitchedSite[]): readonly SwitchedSite[] {
  const left = kept.map((site) => (now === undefined ? site : outputsNoLongerIn(now, site)));
  return left.filter(({ devices }) => devices.size > 0);
}

/** Makes safe what was kept of a site. What cannot be used of it is a problem of its outputs, and none of this program. */
export async function makeLeftSafe(site: SwitchedSite, { host, fatal }: Around, forMsMax?: number): Promise<readonly MadeSafe[]> {
  try {
    return await makeOutputsSafe({ config: site, host, fatal, modules: await loadModules(site) }, forMsMax);
  } catch (error) {
    const problem = `what was kept of it cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    return [...site.devices.values()].flatMap(({ id, outputs }) =>
      outputs.map((output) => ({ output: `${id}.${output.id}`, on: output.safe, problem })),
    );
  }
}
