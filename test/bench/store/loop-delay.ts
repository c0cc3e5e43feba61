import type { Row } from '../row.ts';
import type { LoopDelay, LoopDelayOptions } from './loop-delay-run.ts';
import { newFolder, type Setting, scaled } from './setting.ts';
import { runWorker } from './workers.ts';

const SLOW_MS = 30;
const FOR_MS = 20_000;
/** Of 1,000 readings: more than the slots hold. */
const FILL_COMMITS = 1_200;
const GOAL_MS = 5;

/** How long commits to a slow disk keep the event loop from everything else. */
export async function benchLoopDelay(setting: Setting): Promise<Row[]> {
  setting.say(`committing while every sync takes ${SLOW_MS} ms longer`);
  const options: LoopDelayOptions = {
    folder: newFolder(setting, 'slow'),
    slowMs: SLOW_MS,
    forMs: scaled(setting, FOR_MS),
    fillCount: FILL_COMMITS,
  };
  const { idleMs, busyMs, busyMsMax, commitCount, sealedWhileSlow } = await runWorker<LoopDelay>('loop-delay', options);
  setting.say(
    `${commitCount} commits, slots ${sealedWhileSlow ? 'were' : 'were not'} sealed meanwhile, longest turn ${busyMsMax.toFixed(1)} ms`,
  );
  return [
    {
      name: `event-loop delay p99, 1,000 readings a commit, fdatasync + ${SLOW_MS} ms`,
      value: busyMs,
      unit: 'ms',
      against: 'the same loop, idle (1 ms of it is the grid)',
      baseline: idleMs,
      goal: GOAL_MS,
    },
  ];
}
