import { SITE_DEFAULT } from './state-folder.ts';

/** What the site is for the commands that look at a journal. */
export const SITE_ARGUMENT = `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT}); not needed with --state`;

/** For an option that may be given several times. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
