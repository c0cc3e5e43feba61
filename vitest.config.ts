import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

/** Files that take minutes in the deep run: last, each of them would keep one processor while all others have nothing to do. */
const SLOW = [
  'mutants/mutants',
  'journal/every-bit',
  'simulation/exactly-once',
  'journal/failing-operations',
  'journal/journal-damage',
];

class SlowFirst extends BaseSequencer {
  override async sort(...[files]: Parameters<BaseSequencer['sort']>): ReturnType<BaseSequencer['sort']> {
    const sorted = await super.sort(files);
    const rank = (path: string) => SLOW.findIndex((name) => path.endsWith(`/test/${name}.test.ts`)) + 1 || SLOW.length + 1;
    return sorted.sort((a, b) => rank(a.moduleId) - rank(b.moduleId));
  }
}

/** The unit suite: no network beyond this machine, no hardware, nothing that fails on a slow machine, so that every core may have its own file. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/bench/**'],
    testTimeout: 30_000,
    maxWorkers: '100%',
    sequence: { sequencer: SlowFirst },
  },
});
