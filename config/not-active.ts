import { isWritten, type Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

/** Keys of an output beside `safe`, which is all that this version does with it. */
const OUTPUT_KEYS = ['max_on', 'min_off', 'never_with', 'orders', 'expect', 'on_lost_city', 'expiry'] as const;
const SENTILO_KEYS = ['catalog', 'types', 'backlog_older_than', 'orders_from', 'alerts'] as const;
const COMPONENT_KEYS = ['type', 'public', 'energy'] as const;

/**
 * Keys of the format that no code acts on yet: a note each, so that nobody waits for a rule to fire. One note for a
 * kind of key, at the first place, because a page of notes hides the errors.
 */
export function noteInactive(site: Site): void {
  const { file } = site;
  const note = (path: Path, keys: readonly string[]) => site.report('C060', path, { keys }, 'note');
  const written = (path: Path, keys: readonly string[]) => keys.filter((key) => isWritten(site, [...path, key]));

  const sentilo = written(['sentilo'], SENTILO_KEYS);
  const component = written(['sentilo', 'component'], COMPONENT_KEYS).map((key) => `component.${key}`);
  if (sentilo.length + component.length > 0) note(['sentilo'], [...sentilo, ...component]);
  for (const key of ['mqtt', 'web', 'rules']) if (isWritten(site, [key])) note([key], [key]);
  for (const [id, bus] of Object.entries(file.buses ?? {})) {
    if (bus.type === 'mqtt') note(['buses', id], [`type: ${bus.type}`]);
  }
  const outputs: { path: Path; keys: readonly string[] }[] = [];
  const types: Path[] = [];
  for (const [id, device] of Object.entries(file.devices ?? {})) {
    for (const name of Object.keys(device.outputs ?? {})) {
      const path = ['devices', id, 'outputs', name];
      outputs.push({ path, keys: written(path, OUTPUT_KEYS) });
    }
    for (const [name, reading] of Object.entries(device.readings ?? {})) {
      if (reading.sentilo?.type !== undefined) types.push(['devices', id, 'readings', name, 'sentilo', 'type']);
    }
  }
  const keys = [...new Set(outputs.flatMap((output) => output.keys))];
  const first = outputs.find((output) => output.keys.length > 0);
  if (first) note(first.path, keys);
  if (types[0]) note(types[0], ['type']);
}
