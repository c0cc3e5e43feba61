import { listed } from './closest.ts';
import { isWritten, type Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

const OUTPUT_KEYS = ['expect', 'on_lost_city', 'expiry'] as const;
const SENTILO_KEYS = ['backlog_older_than', 'orders_from', 'alerts'] as const;
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
  for (const key of ['web', 'rules']) if (isWritten(site, [key])) note([key], [key]);
  for (const [id, bus] of Object.entries(file.buses ?? {})) {
    if (bus.type === 'mqtt') note(['buses', id], [`type: ${bus.type}`]);
  }
  noteOnce(site, outputKeys(site));
  const types = Object.entries(file.devices ?? {}).flatMap(([id, device]) =>
    Object.entries(device.readings ?? {}).flatMap(([name, reading]) =>
      reading.sentilo?.type === undefined
        ? []
        : [{ of: `${id}.${name}`, path: ['devices', id, 'readings', name, 'sentilo', 'type'], keys: ['type'] }],
    ),
  );
  noteOnce(site, types);
}

/** Keys of a reading or output, whose name is `of`. */
interface Inactive {
  readonly of: string;
  readonly path: Path;
  readonly keys: readonly string[];
}

/** One note at the first of them, which names all. */
function noteOnce(site: Site, all: readonly Inactive[]): void {
  const inactive = all.filter(({ keys }) => keys.length > 0);
  const [first] = inactive;
  if (first === undefined) return;
  const keys = [...new Set(inactive.flatMap((each) => each.keys))];
  const of = inactive.length > 1 ? { of: listed(inactive.map((each) => each.of)) } : {};
  site.report('C060', first.path, { keys, ...of }, 'note');
}

/** What the site says of each output. */
function outputKeys(site: Site): Inactive[] {
  return Object.entries(site.file.devices ?? {}).flatMap(([id, { outputs = {} }]) =>
    Object.keys(outputs).map((name) => {
      const path = ['devices', id, 'outputs', name];
      return { of: `${id}.${name}`, path, keys: OUTPUT_KEYS.filter((key) => isWritten(site, [...path, key])) };
    }),
  );
}
