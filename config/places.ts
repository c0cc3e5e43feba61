import type { Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

/** Degrees that all places of the zones of Europe are within, its islands in the Atlantic and the Urals included. */
const EUROPE = { south: 34, north: 82, west: -32, east: 70 } as const;

interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** Latitude and longitude are exchanged easily: the place is then in another part of the world than the site's time zone. */
export function checkPlaces(site: Site): void {
  const { gateway, devices = {} } = site.file;
  if (!gateway.timezone.startsWith('Europe/')) return;
  checkPlace(site, ['gateway', 'location'], gateway.location);
  for (const [id, { location }] of Object.entries(devices)) checkPlace(site, ['devices', id, 'location'], location);
}

function checkPlace(site: Site, path: Path, place: Place | undefined): void {
  if (place === undefined || isInEurope(place) || !isInEurope({ lat: place.lon, lon: place.lat })) return;
  const { lat, lon } = place;
  site.report('C211', path, { lat, lon, timezone: site.file.gateway.timezone }, 'warning');
}

function isInEurope({ lat, lon }: Place): boolean {
  return lat > EUROPE.south && lat < EUROPE.north && lon > EUROPE.west && lon < EUROPE.east;
}
