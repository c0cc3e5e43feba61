/**
 * Seeds of programs (test/journal/harness/program.ts) that have once found a bug, real or planted: they are run first, for ever.
 * A seed means another course of things once the journal asks the disk for something in another order, so a bug that matters
 * has a test of its own too.
 */
export const SEEDS_THAT_FOUND: readonly number[] = [
  // What a killed process wrote was sent before it was synced, and named as never written after a power cut. So did 1126.
  1017, 3, 1021, 5081, 5087, 1126,
  // The same, because nothing that a killed process left was synced at all: what followed it, or was sent, outlived it.
  1086, 1121,
  // A folder was not synced: after a new block file got its name (1005), or once a killed process had renamed a file (1520, 1598).
  1005,
  1103, 1520, 1598,
  // A failed write and a power cut left parts of a group in one slot, and sealing them passed for sealing the whole of it.
  1003,
  // Planted: a slot was used again before what it held was sealed, and old frames counted.
  1001, 1002,
];
