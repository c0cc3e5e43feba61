import type { Io } from './io.ts';
import { fitted } from './table.ts';

/** Tells a person something on the error output, broken to fit there; with `exitCode` it is why the command ends with that. */
export function say(message: string, io: Io, exitCode?: number): undefined {
  io.err(fitted(message, io.columns));
  if (exitCode !== undefined) io.setExitCode(exitCode);
}
