import { judge, type Row, table } from './row.ts';
import { benchAcknowledge } from './store/acknowledge.ts';
import { benchAppend } from './store/append.ts';
import { benchDensity } from './store/density.ts';
import { benchLoopDelay } from './store/loop-delay.ts';
import { checkNeeds, withLoopDisk } from './store/loop-disk.ts';
import { benchOutage } from './store/outage.ts';
import type { BenchSize, Setting } from './store/setting.ts';
import { prepareWorkers } from './store/workers.ts';

/** The journal's goals of speed, wear and memory, each beside raw writes or a database on the same disk in the same run. */
export async function benchStore(size: BenchSize): Promise<Row[]> {
  checkNeeds();
  const startMs = performance.now();
  const say = (text: string) =>
    process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
  if (size === 'quick') say('a quick run: a tenth of the sizes, and no figure of it may be quoted');
  say('installing the baselines and compiling');
  prepareWorkers();
  const rows: Row[] = [];
  const on = (sizeMiB: number, isFilled: boolean, benches: readonly ((setting: Setting) => Promise<Row[]>)[]) =>
    withLoopDisk({ sizeMiB, isFilled }, async (disk) => {
      for (const bench of benches) rows.push(...(await bench({ disk, size, say })));
    });
  try {
    await on(1_024, true, [benchAppend, benchDensity, benchAcknowledge, benchLoopDelay]);
    await on(4_096, false, [benchOutage]);
  } catch (error) {
    // What was measured before took minutes.
    process.stderr.write(`failed; until then:\n${table(rows.map(judge))}\n`);
    throw error;
  }
  say('done');
  return size === 'quick' ? rows.map((row) => ({ ...row, name: `QUICK ${row.name}` })) : rows;
}
