import { defineConfig } from 'vitest/config';

/** The unit suite: no network, no hardware, no waiting on real time, so that every core may have its own file. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/bench/**'],
    testTimeout: 30_000,
    maxWorkers: '100%',
  },
});
