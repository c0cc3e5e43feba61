import { activeOutputs } from './check-devices.ts';
import { listed } from './closest.ts';
import type { Plugged, Site } from './site.ts';

/** An output of the site, and what its device is plugged into, or the device itself. */
interface Kept {
  readonly provider: Plugged;
  readonly device: string;
  readonly output: string;
}

/**
 * One note for each Modbus board with outputs that may not stay on for ever. It has a supply and a state of its own, so that
 * nothing switches them off while the gateway or its machine is down, or the line is cut. A pin of the header falls back with
 * its machine.
 */
export function noteKeptOutputs(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const byProvider = new Map<Plugged, Kept[]>();
  for (const each of [...devices.values()].flatMap((device) => keptOutputs(device, devices))) {
    const own = byProvider.get(each.provider);
    if (own === undefined) byProvider.set(each.provider, [each]);
    else own.push(each);
  }
  for (const [provider, own] of byProvider) {
    const outputs = listed(own.map(({ device, output }) => `${device}.${output}`));
    const path = ['devices', own[0]?.device ?? '', 'outputs', own[0]?.output ?? ''];
    site.report('C160', path, { board: provider.board.id, device: provider.id, outputs }, 'note');
  }
}

function keptOutputs(device: Plugged, devices: ReadonlyMap<string, Plugged>): Kept[] {
  const { id, entry, board, via } = device;
  const provider = via?.kind === 'port' ? devices.get(via.device) : device;
  if (!entry.enabled || !provider?.entry.enabled || provider.board.needs !== 'modbus') return [];
  return activeOutputs(device).flatMap(([output, own]) => {
    const maxOn = own?.max_on ?? board.outputs?.[output]?.max_on;
    // A load that may stay on says so; one that says nothing is an error.
    return typeof maxOn === 'number' ? [{ provider, device: id, output }] : [];
  });
}
