/** Seeds of programs (test/journal/harness/program.ts) that have once found a bug: they are run first, for ever. */
export const SEEDS_THAT_FOUND: readonly number[] = [1017, 3, 1021, 5081, 5087];
