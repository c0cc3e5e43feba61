import { runSchedule } from './schedule.ts';

const EVERY_RESULT = ['done', 'superseded', 'expired', 'unknown', 'sender', 'provider-wide', 'not-understood', 'duplicate'];

/** So many schedules in all, and a tenth of them where there is little time. */
const SCHEDULES = process.env['BARRI_DEEP'] === '1' ? 100_000 : 10_000;

/** Runs one half of the schedules, each half on a processor of its own, and prints what the orders came to. */
export async function runHalf(half: 0 | 1): Promise<readonly string[]> {
  const results = new Map<string, number>();
  const faults: string[] = [];
  const sums = { schedules: 0, given: 0, begun: 0, crashes: 0 };
  for (let seed = 1 + half; seed <= SCHEDULES; seed += 2) {
    const verdict = await runSchedule(seed);
    faults.push(...verdict.faults.map((fault) => `seed ${seed}: ${fault}`));
    for (const result of verdict.results) results.set(result, (results.get(result) ?? 0) + 1);
    sums.schedules += 1;
    sums.given += verdict.givenCount;
    sums.begun += verdict.placedCount;
    sums.crashes += verdict.crashCount;
  }
  // A run in which something never happens proves nothing about it.
  for (const result of EVERY_RESULT) if (!results.has(result)) faults.push(`no order was answered ${result}`);
  const told = [...results].sort(([a], [b]) => a.localeCompare(b)).map(([result, count]) => `${count} ${result}`);
  console.log(
    `${sums.schedules} schedules: ${sums.given} orders, ${sums.begun} begun, ${sums.crashes} crashes; answers: ${told.join(', ')}`,
  );
  return faults;
}
