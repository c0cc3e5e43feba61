// `npm run bench` runs every group, `npm run -s bench -- run --json` one of them. Each figure stands beside a baseline of
// the same run. Fails when a baseline is missing or cannot be taken here; a figure that misses its goal is said and fails
// nothing, because this machine's noise is no judge.
// `--quick` makes the groups store and drain a tenth of their size, `--full` gives the store all of its 90 days of history.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { endAll } from '../interop/support/child.ts';
import { benchBus } from './bus.ts';
import { benchDrain } from './drain.ts';
import { type JudgedRow, judge, type Row, table } from './row.ts';
import { benchRun } from './run.ts';
import { CannotMeasure } from './store/loop-disk.ts';
import type { BenchSize } from './store/setting.ts';
import { benchStore } from './store.ts';

const GROUPS: Readonly<Record<string, (size: BenchSize) => Promise<Row[]>>> = {
  run: benchRun,
  store: benchStore,
  bus: benchBus,
  drain: benchDrain,
};
const FLAGS = ['--json', '--quick', '--full'];

async function main(args: readonly string[]): Promise<void> {
  const isJson = args.includes('--json');
  const size = args.includes('--quick') ? 'quick' : args.includes('--full') ? 'full' : 'usual';
  const names = args.filter((arg) => !FLAGS.includes(arg));
  const unknown = names.find((name) => !Object.hasOwn(GROUPS, name));
  if (unknown !== undefined) {
    process.stderr.write(`no group ${unknown}; there are: ${Object.keys(GROUPS).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  // Figures about speed and memory are those of what is installed, not of what tsx runs.
  const cwd = join(import.meta.dirname, '../..');
  execFileSync('npm', ['run', '-s', 'build'], { cwd, stdio: 'inherit' });
  execFileSync('npx', ['tsc', '-p', 'test/bench/tsconfig.json'], { cwd, stdio: 'inherit' });
  const rows: JudgedRow[] = [];
  for (const [name, bench] of Object.entries(GROUPS)) {
    if (names.length === 0 || names.includes(name)) rows.push(...(await bench(size)).map(judge));
  }
  process.stdout.write(isJson ? `${JSON.stringify({ rows })}\n` : `${table(rows)}\n`);
  if (rows.some(({ baseline }) => baseline === null)) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CannotMeasure)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  await endAll();
}
