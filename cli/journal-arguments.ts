import { InvalidArgumentError } from 'commander';
import { SITE_DEFAULT } from './state-folder.ts';

/** What the site is for the commands that look at a journal. */
export const SITE_ARGUMENT = `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT}); not needed with --state`;

/** For an option that may be given several times. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** For the name of a file: an empty one is a variable that nobody has set. */
export function named(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty: name a file.');
  return value;
}
