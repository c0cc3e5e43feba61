import { normaliseUnit } from '../drivers/quantities.ts';
import { ordersOf } from './build-outputs.ts';
import { activeOutputs, activeReadings } from './check-devices.ts';
import { closest } from './closest.ts';
import type { Readiness } from './readiness.ts';
import { BUILT_IN_ALARMS } from './rules.ts';
import type { ConditionEntry, RuleEntry } from './schema-gateway.ts';
import { isId, meantId } from './schema-types.ts';
import { isWritten, type Plugged, type Site } from './site.ts';
import { nodeAt, type Path } from './yaml-tree.ts';

interface Devices {
  readonly devices: ReadonlyMap<string, Plugged>;
  readonly readiness: ReadonlyMap<string, Readiness>;
}

/** Checks what rules say of readings, outputs and alarms that exist; names that lead nowhere are references.ts's affair. */
export function checkRules(site: Site, devices: Devices['devices'], readiness: Devices['readiness']): void {
  for (const [id, rule] of Object.entries(site.file.rules ?? {})) {
    const around = { devices, readiness };
    const base = ['rules', id];
    if (rule.when) checkCondition(site, [...base, 'when'], rule.when, around);
    for (const [index, each] of (rule.only_if ?? []).entries()) checkCondition(site, [...base, 'only_if', index], each, around);
    for (const [index, name] of (rule.when?.and_outputs_off ?? []).entries())
      checkRuns(site, [...base, 'when', 'and_outputs_off', index], name, 'output', around);
    if (rule.do.alarm === undefined) checkOrder(site, [...base, 'do'], rule.do, around);
    else checkAlarm(site, [...base, 'do'], rule.do.alarm, rule.do);
  }
  checkPairs(site, devices);
  checkAlerts(site);
}

/** On and off at one number: a reading that trembles there switches the output with each of its values. */
function checkPairs(site: Site, devices: Devices['devices']): void {
  const prompt = Object.entries(site.file.rules ?? {}).flatMap(
    ([
      id,
      {
        when,
        do: { output, set },
      },
    ]) => {
      const found = partOf('readings', when?.reading ?? '', devices);
      const unit = found?.device.board.readings?.[found.name]?.unit ?? 'bool';
      const isPrompt = when !== undefined && !isWritten(site, ['rules', id, 'when', 'for']);
      // What is yes or no has nothing in between.
      return isPrompt && (normaliseUnit(unit) ?? unit) !== 'bool' ? [{ id, when, output, set }] : [];
    },
  );
  for (const { when, output } of prompt.filter(({ set }) => set === true)) {
    for (const off of prompt) {
      if (off.set !== false || off.output !== output || off.when.reading !== when.reading) continue;
      const { above, below } = off.when;
      const key = above !== undefined && above === when.below ? 'above' : 'below';
      const limit = off.when[key];
      if (output === undefined || limit === undefined || (key === 'below' && below !== when.above)) continue;
      site.report('C181', ['rules', off.id, 'when', key], { output, reading: when.reading, limit }, 'warning');
    }
  }
}

/** A limit that the reading can be on both sides of. */
function checkCondition(site: Site, path: Path, { reading, above, below }: ConditionEntry, around: Devices): void {
  if (!hasLimit(site, path)) site.report('C171', path, { reading });
  const found = partOf('readings', reading, around.devices);
  if (found === undefined) return;
  const { device, name } = found;
  checkRuns(site, [...path, 'reading'], reading, 'reading', around);
  const board = device.board.readings?.[name];
  if (board === undefined) return;
  const unit = normaliseUnit(board.unit) ?? board.unit;
  if (unit === 'text' || board.kind === 'position') {
    site.report('C173', [...path, 'reading'], { reading, kind: unit === 'text' ? 'text' : 'position' });
    return;
  }
  const valid = unit === 'bool' ? ([0, 1] as const) : (device.entry.readings?.[name]?.valid ?? board.valid);
  checkBand(site, path, { reading, above, below }, { code: 'C172', valid });
}

/** Whether a limit is written, right or wrong. */
export function hasLimit(site: Site, path: Path): boolean {
  return isWritten(site, [...path, 'above']) || isWritten(site, [...path, 'below']);
}

/** Reports limits that no value of the reading can be between, or that each is between. */
export function checkBand(
  site: Site,
  path: Path,
  { reading, above, below }: ConditionEntry,
  { code, valid }: { readonly code: 'C169' | 'C172'; readonly valid: readonly [number, number] | undefined },
): void {
  if (above !== undefined && below !== undefined && above >= below) {
    site.report(code, [...path, 'below'], { kind: above === below ? 'equal' : 'empty', above, below });
    return;
  }
  if (valid === undefined || (above ?? below) === undefined) return;
  const [low, high] = valid;
  const key = above !== undefined && above >= high ? 'above' : below !== undefined && below <= low ? 'below' : undefined;
  const isAlways = (above ?? Number.NEGATIVE_INFINITY) < low && (below ?? Number.POSITIVE_INFINITY) > high;
  if (key !== undefined) site.report(code, [...path, key], { kind: 'never', reading, low, high });
  else if (isAlways) site.report(code, path, { kind: 'always', reading, low, high }, 'warning');
}

function checkOrder(site: Site, path: Path, { output: id, set, for: forMs, say }: RuleEntry['do'], around: Devices): void {
  if (id === undefined) return;
  if (say !== undefined) site.report('C174', [...path, 'say'], { kind: 'say' });
  if (!isWritten(site, [...path, 'set'])) site.report('C174', path, { kind: 'set', output: id });
  const found = partOf('outputs', id, around.devices);
  if (found === undefined) return;
  const { device, name } = found;
  checkRuns(site, [...path, 'output'], id, 'output', around);
  const own = device.entry.outputs?.[name];
  const board = device.board.outputs?.[name];
  const orders = ordersOf(own);
  if (!orders.includes('rules')) site.report('C170', [...path, 'output'], { output: id, orders: ['rules', ...orders] });
  if (forMs === undefined || set === undefined) return;
  const maxOn = own?.max_on ?? board?.max_on;
  if (set === (own?.safe ?? board?.safe))
    site.report('C174', [...path, 'for'], { kind: 'for', output: id, ...(board?.safe === !set && { safe: set ? 'off' : 'on' }) });
  else if (set && typeof maxOn === 'number' && forMs > maxOn)
    site.report('C179', [...path, 'for'], { output: id, forMs, maxMs: maxOn }, 'warning');
}

function checkAlarm(site: Site, path: Path, id: string, { set, for: forMs }: RuleEntry['do']): void {
  for (const [key, value] of [
    ['set', set],
    ['for', forMs],
  ] as const)
    if (value !== undefined) site.report('C174', [...path, key], { kind: 'alarm', key });
  const isBuiltIn = BUILT_IN_ALARMS.some((each) => each === id);
  if (isBuiltIn) site.report('C177', [...path, 'alarm'], { kind: 'reserved', written: id });
  else if (!isId(id)) site.report('C177', [...path, 'alarm'], { kind: 'grammar', written: id, candidates: meantId(id, '_') });
}

/** Of a name that something has: its device, and its own. */
function partOf(
  block: 'readings' | 'outputs',
  id: string,
  devices: Devices['devices'],
): { readonly device: Plugged; readonly name: string } | undefined {
  const [deviceId = '', name = ''] = id.split('.');
  const device = devices.get(deviceId);
  return device !== undefined && Object.hasOwn(device.board[block] ?? {}, name) ? { device, name } : undefined;
}

/** Whether anybody reads it, or moves it. What this version cannot run may run in the next: nothing is wrong with the file. */
function checkRuns(site: Site, path: Path, id: string, kind: 'reading' | 'output', { devices, readiness }: Devices): void {
  const found = partOf(`${kind}s`, id, devices);
  if (found === undefined) return;
  const { device, name } = found;
  const active = kind === 'reading' ? activeReadings(device) : activeOutputs(device);
  if (!active.some(([each]) => each === name)) {
    const place = `devices.${device.id}.${kind}s.${name}`;
    site.report('C175', path, { kind, id, place });
    return;
  }
  const isSkipped = readiness.get(device.id)?.kind === 'skipped';
  if (!device.entry.enabled || isSkipped)
    site.report('C176', path, { kind: isSkipped ? 'skipped' : 'off', id, device: device.id }, 'warning');
}

/** An alarm of that name may come with an included file or a later version, so that it is no error. */
function checkAlerts(site: Site): void {
  const { rules } = site.file;
  const ofRules = Object.values(rules ?? {}).flatMap(({ do: { alarm } }) => alarm ?? []);
  // What a rule with a mistake raises once that is mended cannot be told.
  const written = [...(nodeAt(site.document.root, ['rules'])?.children.keys() ?? [])];
  const isRefused = rules === undefined ? isWritten(site, ['rules']) : written.some((id) => !Object.hasOwn(rules, id));
  if (isRefused || !ofRules.every((alarm) => isId(alarm))) return;
  const known = [...new Set<string>([...BUILT_IN_ALARMS, ...ofRules])];
  for (const key of Object.keys(site.file.sentilo?.alerts ?? {})) {
    if (known.includes(key)) continue;
    site.report('C178', ['sentilo', 'alerts', key], { key, candidates: closest(key, known), known }, 'warning', 'key');
  }
}
