import { defineConfig } from 'vitest/config';

/**
 * The gateway against things that nobody here wrote: real processes, ports and time. One file after the other, because
 * they measure and a machine with two cores cannot do that for two of them at once.
 */
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    fileParallelism: false,
    globalSetup: 'test/interop/support/build.ts',
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
