/** A user who owns nothing. */
const NOBODY = 65_534;

/** Runs `work` as a user to whom nothing belongs, where this process may choose; elsewhere as its own, whom the mode of a file keeps out. */
export async function asStranger<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
