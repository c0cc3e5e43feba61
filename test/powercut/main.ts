// `npm run test:powercut`: cuts the power of the running gateway in a QEMU guest, on a real ext4, at seeded moments, and
// looks at the next boot whether everything that it had acknowledged is there. Then the same with fdatasync and the sync of
// folders removed, which must lose something: otherwise the test sees nothing. `-- --seed N` repeats the moments of a run
// (the guest's speed is another each time, so not its exact state).

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createRandom, type Random } from '../../simulator/random.ts';
import { setup as build } from '../interop/support/build.ts';
import { makeSystemImage } from './images.ts';
import { prepareKernel } from './kernel.ts';
import { type Lane, runLane } from './lane.ts';
import type { Cut } from './machine.ts';
import { Missing, openWorkspace, requirePrograms } from './workspace.ts';

const RUNNING_MS_MAX = 3_000;
const OPENING_MS_MAX = 400;
const FILE_MS_MAX = 40;
const FILES_MAX = 4;
/** Without sync the guest's kernel writes by itself after some five seconds; the cut comes well before. */
const UNSYNCED_MS = { min: 500, max: 2_500 };

/**
 * The small journal is made smaller than a site may have it, with small files (guest/open-journal.js): it reaches its limit
 * within a minute of a slow guest, so that the power is cut while files are sealed, thinned and deleted.
 */
const BUFFERS = { roomy: '{ max_size: 256MiB }', small: '{ max_size: 1MiB }' } as const;

/** Lanes of one group run side by side. */
function plan(random: Random): Lane[][] {
  const running = (): Cut => ({ when: 'running', afterMs: random() * RUNNING_MS_MAX });
  const opening = (): Cut => ({ when: 'opening', afterMs: random() * OPENING_MS_MAX });
  const file = (when: 'file' | 'drop'): Cut => {
    return { when, nth: 1 + Math.floor(random() * FILES_MAX), afterMs: random() * FILE_MS_MAX };
  };
  const unsynced = (): Cut => ({ when: 'running', afterMs: UNSYNCED_MS.min + random() * (UNSYNCED_MS.max - UNSYNCED_MS.min) });
  return [
    [
      { journal: 'roomy', smallFiles: false, withoutSync: false, cuts: [running(), opening(), running(), running()] },
      { journal: 'small', smallFiles: true, withoutSync: false, cuts: [file('file'), opening(), file('drop'), file('drop')] },
    ],
    [
      { journal: 'roomy', smallFiles: false, withoutSync: true, cuts: [unsynced()] },
      { journal: 'small', smallFiles: true, withoutSync: true, cuts: [unsynced()] },
    ],
  ];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({ args: [...args], options: { seed: { type: 'string' } } });
  const seed = values.seed ?? String(randomInt(1_000_000));
  await requirePrograms();
  const workspace = openWorkspace();
  try {
    build();
    const { folder } = workspace;
    const sites = Object.entries(BUFFERS).map(([name, buffer]) => ({ name, buffer }));
    const [kernel, systemImage] = await Promise.all([prepareKernel(folder), makeSystemImage(folder, sites)]);
    say(`seed ${seed}, Linux ${kernel.version}, Node ${process.versions.node}`);
    const results: PromiseSettledResult<boolean>[] = [];
    for (const lanes of plan(createRandom(seed))) {
      results.push(...(await Promise.allSettled(lanes.map((lane) => runLane(lane, { kernel, systemImage, folder }, say)))));
    }
    for (const result of results) if (result.status === 'rejected') say(String(result.reason));
    const isRight = results.every((result) => result.status === 'fulfilled' && result.value);
    say(
      isRight
        ? 'No acknowledged record was lost; without sync some were at every cut, so a loss would have been seen.'
        : `FAILED. Again with the same moments: npm run test:powercut -- --seed ${seed}`,
    );
    return isRight;
  } finally {
    await workspace.close();
  }
}

try {
  if (!(await main(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
