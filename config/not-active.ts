import { isWritten, type Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

/** Keys of the format that no code acts on yet: a note each, so that nobody waits for what never comes. */
export function noteInactive(site: Site): void {
  const note = (path: Path, keys: readonly string[]) => site.report('C060', path, { keys }, 'note');
  if (isWritten(site, ['sentilo', 'backlog_older_than'])) note(['sentilo'], ['backlog_older_than']);
  if (isWritten(site, ['web'])) note(['web'], ['web']);
  for (const [id, bus] of Object.entries(site.file.buses ?? {})) {
    if (bus.type === 'mqtt') note(['buses', id], [`type: ${bus.type}`]);
  }
}
