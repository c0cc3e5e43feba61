import type { OnFor } from '../drivers/driver.ts';
import { leftMsMax } from '../drivers/modbus-on-for.ts';
import { activeOutputs } from './check-devices.ts';
import { listed } from './closest.ts';
import type { BoardOutput } from './schema-board.ts';
import type { Plugged, Site } from './site.ts';

/** Why a board does not switch an output off by itself: it cannot; not after so long; or the output is on while its relay is off. */
type Why = { readonly case: 'none' | 'low' } | { readonly case: 'long'; readonly amount: number };

/** An output of the site, and what its device is plugged into, or the device itself. */
interface Kept {
  readonly provider: Plugged;
  readonly device: string;
  readonly output: string;
  readonly why: Why;
}

/**
 * One note for each Modbus board and reason, with the outputs that may not stay on for ever and that it leaves on. It has a supply and a
 * state of its own, so that nothing switches them off while the gateway or its machine is down, or the line is cut, unless it has a
 * time-out of its own (`on_for`). A pin of the header falls back with its machine.
 */
export function noteKeptOutputs(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const notes = new Map<string, Kept[]>();
  for (const each of [...devices.values()].flatMap((device) => keptOutputs(device, devices))) {
    const key = JSON.stringify([each.provider.id, each.why]);
    notes.set(key, [...(notes.get(key) ?? []), each]);
  }
  for (const own of notes.values()) {
    const [first] = own;
    if (first === undefined) continue;
    const outputs = listed(own.map(({ device, output }) => `${device}.${output}`));
    const { provider, device, output, why } = first;
    const parameters = { ...why, board: provider.board.id, device: provider.id, outputs };
    site.report('C160', ['devices', device, 'outputs', output], parameters, 'note');
  }
}

function keptOutputs(device: Plugged, devices: ReadonlyMap<string, Plugged>): Kept[] {
  const { id, entry, board, via } = device;
  const provider = via?.kind === 'port' ? devices.get(via.device) : device;
  if (!entry.enabled || !provider?.entry.enabled || provider.board.needs !== 'modbus') return [];
  return activeOutputs(device).flatMap(([output, own]) => {
    const maxOn = own?.max_on ?? board.outputs?.[output]?.max_on;
    // A load that may stay on says so; one that says nothing is an error.
    if (typeof maxOn !== 'number') return [];
    const port = via?.kind === 'port' ? provider.board.provides?.[via.port] : board.outputs?.[output];
    const onFor = typeof port === 'object' ? port.on_for : undefined;
    const isSafeOn = own?.safe ?? board.outputs?.[output]?.safe ?? false;
    const why = onFor === undefined ? ({ case: 'none' } as const) : whyNot(device, onFor, { maxOn, isSafeOn });
    return why === undefined ? [] : [{ provider, device: id, output, why }];
  });
}

/** Why the time-out of its board does not keep `max_on`; undefined where it does, or where `max_on` ends nothing. */
function whyNot(
  { parameters }: Plugged,
  { coil, step, most }: NonNullable<BoardOutput['on_for']>,
  { maxOn, isSafeOn }: { readonly maxOn: number; readonly isSafeOn: boolean },
): Why | undefined {
  if (isSafeOn) return undefined;
  if (parameters?.['active'] === 'low') return { case: 'low' };
  const onFor: OnFor = { coil, stepMs: step, mostMs: most };
  const amount = 1000 * Math.floor(leftMsMax(onFor) / 1000);
  return maxOn > leftMsMax(onFor) ? { case: 'long', amount } : undefined;
}
