import { startCompiled } from '../compiled.ts';
import type { Row } from '../row.ts';

const SECONDS = 30;

interface Figures {
  readonly lateMsP99: number;
  readonly driftMs: number;
  readonly cpuShare: number;
}

/** Many channels once a second on Barri's grid, beside setInterval for each, both in processes of their own at the same time. */
export async function benchScheduler(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of [1_000, 10_000]) {
    const [grid, interval] = await Promise.all([run('grid', count), run('interval', count)]);
    const against = 'setInterval for each';
    const what = `${count.toLocaleString('en')} channels once a second`;
    rows.push(
      { name: `${what}: lateness p99`, value: grid.lateMsP99, unit: 'ms', against, baseline: interval.lateMsP99, goal: 5 },
      {
        name: `${what}: drift after ${SECONDS} s`,
        value: grid.driftMs,
        unit: 'ms',
        against,
        baseline: interval.driftMs,
        goal: 1,
      },
      {
        name: `${what}: processor time`,
        value: 100 * grid.cpuShare,
        unit: '% of a core',
        against,
        baseline: 100 * interval.cpuShare,
        goal: 0.25,
        goalFor: 'ratio',
      },
    );
  }
  return rows;
}

async function run(how: 'grid' | 'interval', count: number): Promise<Figures> {
  const child = startCompiled('bus/scheduler-run.ts', how, count, SECONDS);
  const [text] = await child.waitFor(/\{.*\}/, (SECONDS + 30) * 1_000);
  await child.ended;
  return JSON.parse(text) as Figures;
}
