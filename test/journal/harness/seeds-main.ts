// npm run seeds -- --count N [--seed S]: runs the programs of N seeds, from S on, and cuts the power at every operation.

import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { runProgram } from './crash-points.ts';
import { program } from './program.ts';

/** How long a failing program is made smaller. */
const SHRINKING_MS = 60_000;

const { values } = parseArgs({ options: { count: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } } });
const from = Number(values.seed);
const count = Number(values.count);
let checkedCount = 0;
let failedCount = 0;
for (let seed = from; seed < from + count; seed++) {
  const property = fc.asyncProperty(program, async (each) => {
    checkedCount += await runProgram(each);
  });
  const details = await fc.check(property, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINKING_MS });
  if (details.counterexample !== null) {
    failedCount += 1;
    process.stdout.write(`\nseed ${seed}: ${await fc.asyncDefaultReportMessage(details)}\n`);
    if (details.errorInstance instanceof Error) process.stdout.write(`${details.errorInstance.message}\n`);
  }
  if ((seed - from + 1) % 10 === 0) {
    process.stdout.write(`${seed - from + 1} of ${count} seeds, ${checkedCount} power cuts, ${failedCount} seeds failed\n`);
  }
}
process.stdout.write(`done: ${count} seeds, ${checkedCount} power cuts, ${failedCount} seeds failed\n`);
process.exitCode = failedCount === 0 ? 0 : 1;
