import { givesOf } from './plug.ts';
import type { Plugged, Site, Via } from './site.ts';
import { nodeAt, type YamlNode } from './yaml-tree.ts';

/** What is named by the first word of `via:`. */
interface Place {
  readonly kind: 'bus' | 'device';
  readonly id: string;
}

/**
 * The devices that another one is plugged into, or may be meant to be: one with mistakes in it still names its place, and
 * one whose place is wrong can belong to any that gives what it needs.
 */
export function usedProviders(site: Site, devices: ReadonlyMap<string, Plugged>): ReadonlySet<string> {
  const used = new Set<string>();
  const needed = new Set<string>();
  const taken = new Set<string>();
  let isUnknown = false;
  for (const [id, node] of nodeAt(site.document.root, ['devices'])?.children ?? []) {
    if (node.children.get('enabled')?.scalar === false) continue;
    const device = devices.get(id);
    const place = placeIn(site, node);
    if (place?.kind === 'device') used.add(place.id);
    if (device === undefined) isUnknown ||= place === undefined;
    // Its board says what it is meant to be plugged into.
    else if (isTaken(device.via, taken) || (device.via === undefined && !namesPort(place, devices)))
      needed.add(device.board.needs);
  }
  for (const [id, { board }] of devices) {
    const gives = Object.values(board.provides ?? {}).flatMap(givesOf);
    if (isUnknown || gives.some((each) => needed.has(each))) used.add(id);
  }
  return used;
}

/** Whether a pin or port has been given to another device already, so that this one belongs somewhere else. */
function isTaken(via: Via | undefined, taken: Set<string>): boolean {
  if (via === undefined || via.kind === 'bus' || via.kind === 'gateway') return false;
  const place = via.kind === 'line' ? `${via.line}` : `${via.device}.${via.port}`;
  const isSecond = taken.has(place);
  taken.add(place);
  return isSecond;
}

/** Something that has ports is meant, even where the port is wrong. */
function namesPort(place: Place | undefined, devices: ReadonlyMap<string, Plugged>): boolean {
  return place?.kind === 'device' && devices.get(place.id)?.board.provides !== undefined;
}

/** What the `via:` of a device names, as far as it can be told; undefined for nothing that is there. */
function placeIn({ document }: Site, device: YamlNode): Place | undefined {
  const via = device.children.get('via');
  const written = via?.source ?? String(via?.scalar ?? '');
  const [id = ''] = written.split('.');
  if (written === 'gateway' || id === 'gpio' || nodeAt(document.root, ['buses', id])) return { kind: 'bus', id };
  return nodeAt(document.root, ['devices', id]) ? { kind: 'device', id } : undefined;
}
