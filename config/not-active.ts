import { isWritten, type Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

/** Keys of the format that no code acts on yet: a note each, so that nobody waits for what never comes. */
export function noteInactive(site: Site): void {
  const note = (path: Path, keys: readonly string[]) => site.report('C060', path, { keys }, 'note', 'key');
  if (isWritten(site, ['sentilo', 'backlog_older_than'])) note(['sentilo', 'backlog_older_than'], ['backlog_older_than']);
  // The languages of the page are also those of alarms and of names, so that they count today.
  const page = ['enabled', 'listen', 'port'].filter((key) => isWritten(site, ['web', key]));
  if (page[0] !== undefined) note(['web', page[0]], page);
  for (const [id, bus] of Object.entries(site.file.buses ?? {})) {
    if (bus.type === 'mqtt') note(['buses', id], [`type: ${bus.type}`]);
  }
}
