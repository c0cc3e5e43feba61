import { ANSWERS_QUANTITY, QUANTITIES } from '../drivers/quantities.ts';
import { closest, listed } from './closest.ts';
import type { Plugged, Site } from './site.ts';
import { nodeAt } from './yaml-tree.ts';

/** How a component is fed, as the catalogue of Sentilo lists it. Others it refuses. */
const ENERGIES = ['220VAC', '12_24_VDC', '185_230_V', 'AUT_BAT', 'SOLAR_BAT'];

/** A city may have made its list longer. */
export function checkEnergy(site: Site): void {
  const energy = site.file.sentilo?.component?.energy;
  if (energy === undefined || ENERGIES.includes(energy)) return;
  const parameters = { written: energy, candidates: closest(energy, ENERGIES), known: ENERGIES };
  site.report('C212', ['sentilo', 'component', 'energy'], parameters, 'warning');
}

/** `sentilo.types:` has quantities for its keys: others are told, and those that nothing of the site measures are noted. */
export function checkCityTypes(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const own = ownQuantities(devices);
  const all = [...new Set([...own, ...QUANTITIES.keys()])];
  // Of a device that is written wrong nobody knows what it measures.
  const isWhole = (nodeAt(site.document.root, ['devices'])?.children.size ?? 0) === devices.size;
  for (const key of Object.keys(site.file.sentilo?.types ?? {})) {
    const path = ['sentilo', 'types', key];
    if (!QUANTITIES.has(key)) {
      const near = closest(key, own);
      const candidates = near.length > 0 ? near : closest(key, all);
      site.report('C021', path, { key, candidates, allowed: listed(all) }, 'error', 'key');
    } else if (isWhole && own.length > 0 && !own.includes(key) && key !== ANSWERS_QUANTITY) {
      site.report('C206', path, { key, candidates: closest(key, own), known: listed(own) }, 'note', 'key');
    }
  }
}

/** The quantities of all readings and outputs, switched off or not. */
function ownQuantities(devices: ReadonlyMap<string, Plugged>): string[] {
  const all = [...devices.values()].flatMap(({ board }) =>
    [board.readings, board.outputs].flatMap((block) => Object.values(block ?? {}).map(({ quantity }) => quantity)),
  );
  return [...new Set(all)];
}
