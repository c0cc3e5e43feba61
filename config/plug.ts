import { dirname, join } from 'node:path';
import type { BoardLibrary, LoadedBoard } from './board-library.ts';
import { closest, listed } from './closest.ts';
import { unitsOf } from './conflicts.ts';
import { freePins } from './free-pins.ts';
import { meantPins, parsePin } from './header-pins.ts';
import { isMisplaced } from './missing-block.ts';
import { type ParameterValue, parseBoardParameter } from './parameters.ts';
import type { ProblemParameters } from './problem.ts';
import type { BoardFile, ParameterEntry } from './schema-board.ts';
import type { BusEntry, DeviceEntry } from './schema-gateway.ts';
import { BOARD_REFERENCE } from './schema-types.ts';
import { isWritten, type Plugged, type Site, type Via } from './site.ts';
import { nodeAt } from './yaml-tree.ts';

/** What each kind of bus gives to a board that is plugged into it. */
const BUS_GIVES: Readonly<Record<BusEntry['type'], string>> = {
  i2c: 'i2c',
  serial: 'serial',
  'modbus-rtu': 'modbus',
  'modbus-tcp': 'modbus',
  onewire: 'onewire',
  mqtt: 'mqtt',
};

/** Buses that this version can open. */
export const ACTIVE_BUSES: ReadonlySet<string> = new Set(['i2c', 'serial', 'modbus-rtu', 'modbus-tcp', 'onewire']);

/** What a port gives; a `digital` one goes both ways. */
const PORT_GIVES: Readonly<Record<string, readonly string[]>> = {
  analog: ['analog'],
  digital: ['digital_in', 'digital_out'],
  digital_in: ['digital_in'],
  digital_out: ['digital_out'],
};

/** At most so many proposals of places. */
const PLACES_MAX = 3;

/** What `via:` can lead to, made once for all devices. */
interface Wiring {
  readonly boards: ReadonlyMap<string, BoardFile>;
  /** For proposals. */
  readonly places: readonly string[];
  /** For lists of what is known. */
  readonly known: readonly string[];
  /** Every port of a device, as `via:` names it, by its name alone. */
  readonly ports: ReadonlyMap<string, readonly string[]>;
  /** Buses, and ports and pins that are free, by what they give. */
  readonly giving: ReadonlyMap<string, readonly string[]>;
}

/** The devices of a site whose board is known, and those that have to wait for one. */
interface PluggedDevices {
  readonly devices: ReadonlyMap<string, Plugged>;
  /** Devices that this version cannot run, and has no board for either; with the code of the warning. */
  readonly waiting: ReadonlyMap<string, string>;
}

/** Finds the board of every device and the place where it is plugged in. Devices without a board are left out, after a report. */
export async function plugDevices(site: Site, library: BoardLibrary): Promise<PluggedDevices> {
  const boards = new Map<string, BoardFile>();
  const files = new Map<string, string>();
  const waiting = new Map<string, string>();
  const devices = Object.entries(site.file.devices ?? {});
  for (const [id, entry] of devices) {
    const found = await findBoard(site, library, id, entry);
    if (found === 'waits') waiting.set(id, 'C137');
    else if (found?.board) {
      boards.set(id, found.board);
      files.set(id, found.document.file);
    }
  }
  const plugged = new Map<string, Plugged>();
  const wiring = wiringOf(site, boards);
  for (const [id, entry] of devices) {
    const board = boards.get(id);
    const via = parseVia(site, id, entry, board, wiring);
    const see = seeOf(site, board, files.get(id));
    if (board) plugged.set(id, { id, entry, board, via, parameters: readParameters(site, id, board, see) });
    const [provider = ''] = entry.via.split('.');
    if (via !== undefined || !waiting.has(provider) || !entry.enabled) continue;
    site.report('C150', ['devices', id, 'via'], { kind: 'skipped', device: id, provider }, 'warning');
    waiting.set(id, 'C150');
  }
  return { devices: plugged, waiting };
}

function wiringOf(site: Site, boards: ReadonlyMap<string, BoardFile>): Wiring {
  const devices = site.file.devices ?? {};
  const buses = Object.entries(site.file.buses ?? {}).map(([place, { type }]) => ({ place, gives: [BUS_GIVES[type]] }));
  const busIds = buses.map(({ place }) => place);
  const ports = [...boards].flatMap(([device, { provides }]) =>
    Object.entries(provides ?? {}).map(([name, port]) => ({ place: `${device}.${name}`, name, gives: givesOf(port) })),
  );
  const firstPorts = [...boards].flatMap(([device, { provides }]) =>
    Object.keys(provides ?? {})
      .slice(0, 1)
      .map((name) => `${device}.${name}`),
  );
  const pins = freePins(site.file).map((place) => ({ place, gives: PORT_GIVES['digital'] ?? [] }));
  const taken = new Set(Object.values(devices).map(({ via }) => via));
  const self = { place: 'gateway', gives: ['gateway'] };
  const free = [...buses, ...ports.filter(({ place }) => !taken.has(place)), ...pins, self];
  return {
    boards,
    places: [...busIds, 'gpio.pin11', ...Object.keys(devices)],
    known: listed([...busIds, 'gpio', ...firstPorts]),
    ports: grouped(ports.map(({ name, place }) => [name, place])),
    giving: grouped(free.flatMap(({ place, gives }) => gives.map((each) => [each, place] as const))),
  };
}

function grouped(pairs: Iterable<readonly [string, string]>): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/** What a port gives, as `provides:` of a board says it. */
export function givesOf(port: string | { readonly kind: string }): readonly string[] {
  return PORT_GIVES[typeof port === 'string' ? port : port.kind] ?? [];
}

async function findBoard(
  site: Site,
  library: BoardLibrary,
  id: string,
  { board, via, enabled }: DeviceEntry,
): Promise<LoadedBoard | 'waits' | undefined> {
  const path = ['devices', id, 'board'];
  const found = await library.find(board);
  switch (found.kind) {
    case 'found':
      if (!found.loaded.board) site.report('C100', path, { board, file: found.loaded.document.file });
      return found.loaded;
    case 'other-major':
      site.report('C102', path, {
        board,
        version: found.version,
        write: board.replace(/@.*/, `@${found.version.split('.')[0]}`),
      });
      return undefined;
    case 'unknown':
      // Boards of a kind of bus come with it.
      if (isUnread(site, via)) {
        if (enabled) site.report('C137', ['devices', id], { kind: 'mqtt', device: id, via, missing: board }, 'warning');
        return enabled ? 'waits' : undefined;
      }
      site.report('C101', path, { board, candidates: closest(board.replace(/@.*/, ''), found.known), folder: 'boards/' });
      return undefined;
    case 'other-id':
      site.report('C118', path, { board, file: found.file, id: found.id });
      return undefined;
    case 'bad-reference':
      site.report('C099', path, { board, write: meantReference(board, found.known) });
      return undefined;
  }
}

/** Whether `via:` names a bus of a kind that this version cannot open. */
function isUnread({ file: { buses = {} } }: Site, via: string): boolean {
  const bus = Object.hasOwn(buses, via) ? buses[via] : undefined;
  return bus !== undefined && !ACTIVE_BUSES.has(bus.type);
}

/** A reference that can be pasted: the board that is nearly meant, or the id as written, or an example. */
function meantReference(board: string, known: readonly string[]): string {
  const id = board.replace(/@.*/, '').toLowerCase();
  const written = `${id}@1`;
  return `${closest(id, known)[0] ?? (BOARD_REFERENCE.test(written) ? id : 'bme280')}@1`;
}

function parseVia(site: Site, id: string, { via }: DeviceEntry, board: BoardFile | undefined, wiring: Wiring): Via | undefined {
  const path = ['devices', id, 'via'];
  const buses = site.file.buses ?? {};
  const fits = (gives: readonly string[]) => {
    if (board === undefined || gives.includes(board.needs)) return true;
    site.report('C112', path, { board: board.id, needs: board.needs, via, gives, ...placesFor(site, board, wiring) });
    return false;
  };
  const [first = '', ...rest] = via.split('.');
  const second = rest.join('.');
  if (first === 'gpio') return parseGpio(site, path, via, second, fits);
  if (via === 'gateway') return fits(['gateway']) ? { kind: 'gateway' } : undefined;
  const bus = Object.hasOwn(buses, first) ? buses[first] : undefined;
  if (bus && second === '') return fits([BUS_GIVES[bus.type]]) ? { kind: 'bus', bus: first, entry: bus } : undefined;
  const device = Object.hasOwn(site.file.devices ?? {}, first) ? site.file.devices?.[first] : undefined;
  // A bus or device that the schema refused is there, and has been reported.
  const isThere = isWritten(site, ['buses', first]) || isWritten(site, ['devices', first]);
  if (!bus && !device && (isThere || isMisplaced(site.document, 'buses', first))) return undefined;
  if (device === undefined || bus) {
    const pins = meantPins(via);
    if (pins.length > 0) site.report('C111', path, { via, candidates: pins });
    else {
      const candidates = meantPlaces(wiring, id, first, second);
      const places = candidates.length > 0 ? {} : placesFor(site, board, wiring);
      site.report('C110', path, { via, candidates, known: wiring.known, ...places });
    }
    return undefined;
  }
  const provider = wiring.boards.get(first);
  // A provider without a board has been reported; what it would offer is not known.
  if (!provider) return undefined;
  const port = Object.hasOwn(provider.provides ?? {}, second) ? provider.provides?.[second] : undefined;
  if (port === undefined || first === id) {
    const wrong = wrongPort(provider, first, second, first === id ? wiring : undefined);
    site.report('C116', path, { via, ...wrong, ...(wrong['kind'] === 'portless' ? placesFor(site, board, wiring) : {}) });
    return undefined;
  }
  return fits(givesOf(port)) ? { kind: 'port', device: first, port: second } : undefined;
}

/** What is said of a port that a device has not; `own` where it would be plugged into itself. */
function wrongPort(
  board: BoardFile,
  device: string,
  name: string,
  own: Wiring | undefined,
): Record<string, ParameterValue | readonly string[]> {
  if (own !== undefined) return { kind: 'self', device, known: (own.giving.get(board.needs) ?? []).slice(0, PLACES_MAX) };
  const names = Object.keys(board.provides ?? {});
  if (names.length === 0) return { kind: 'portless', device, board: board.id };
  const known = names.map((each) => `${device}.${each}`);
  if (name === '') return { kind: 'none', known: listed(known) };
  // `relays.1` is the first one.
  const near = /^[0-9]+$/.test(name) ? names.filter((each) => /[0-9]+$/.exec(each)?.[0] === name) : closest(name, names);
  const candidates = near.slice(0, PLACES_MAX).map((each) => `${device}.${each}`);
  return { kind: 'unknown', device, board: board.id, port: name, candidates, known: listed(names) };
}

/** Where a board could be plugged in, or how the site gets such a place. */
function placesFor(
  { document, file }: Site,
  board: BoardFile | undefined,
  { giving }: Wiring,
): { readonly places?: readonly string[]; readonly get?: string; readonly mend?: string } {
  if (board === undefined) return {};
  const places = (giving.get(board.needs) ?? []).slice(0, PLACES_MAX);
  if (places.length > 0) return { places };
  // Of a bus with mistakes in it nobody says that it is not there.
  const isWhole = (nodeAt(document.root, ['buses'])?.children.size ?? 0) === Object.keys(file.buses ?? {}).length;
  return isWhole ? { get: board.needs } : { mend: 'buses' };
}

/** A port whose device was left out or written wrong, or a place with nearly this name. */
function meantPlaces({ ports, places }: Wiring, id: string, first: string, second: string): readonly string[] {
  const meant = ports.get(second === '' ? first : second) ?? [];
  if (meant.length > 0) return meant.slice(0, PLACES_MAX);
  return closest(
    first,
    places.filter((place) => place !== id),
  );
}

function parseGpio(
  site: Site,
  path: readonly string[],
  via: string,
  name: string,
  fits: (gives: readonly string[]) => boolean,
): Via | undefined {
  const pin = parsePin(name);
  if ('unknown' in pin) {
    site.report('C111', path, { via, candidates: meantPins(via) });
    return undefined;
  }
  if ('carries' in pin) {
    site.report('C113', path, { pin: pin.pin, carries: pin.carries, free: freePins(site.file).slice(0, PLACES_MAX) });
    return undefined;
  }
  return fits(PORT_GIVES['digital'] ?? []) ? { kind: 'line', line: pin.line } : undefined;
}

/** How `barri board show` finds a board: by its id, or by its file where it lies beside the site. */
function seeOf({ document }: Site, board: BoardFile | undefined, file = ''): string {
  return dirname(file) === join(dirname(document.file), 'boards') ? file : (board?.id ?? '');
}

/** The values of `with:`, with the board's defaults, as the board's types say; undefined after a report. */
function readParameters(site: Site, id: string, board: BoardFile, see: string): Record<string, ParameterValue> | undefined {
  const given = site.file.devices?.[id]?.with ?? {};
  const declared = board.with ?? {};
  const base = ['devices', id, 'with'];
  const values: Record<string, ParameterValue> = {};
  let isWrong = false;
  const report = (...problem: Parameters<Site['report']>) => {
    isWrong = true;
    site.report(...problem);
  };
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    const known = Object.keys(declared);
    const parameters = { board: board.id, name, candidates: closest(name, known), known };
    const rest = known.length === 0 ? { bare: board.id } : { see };
    report('C121', [...base, name], { ...parameters, ...rest }, 'error', 'key');
  }
  for (const [name, parameter] of Object.entries(declared)) {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = own ?? parameter.default;
    if (value === undefined) {
      if (parameter.required && !isWritten(site, [...base, name]))
        report('C122', base, { board: board.id, name, example: String(parameter.example ?? '…'), see });
      continue;
    }
    const path = [...base, name];
    const written = (own === undefined ? undefined : nodeAt(site.document.root, path)?.source) ?? String(value);
    const outcome = parseBoardParameter(board, name, parameter, { value, written });
    if ('code' in outcome)
      report(outcome.code, path, { ...outcome.parameters, key: name, ...unitRange(site, id, outcome.code, parameter) });
    else values[name] = outcome.value;
  }
  return isWrong ? undefined : values;
}

/** What a unit can be on the bus of a device, said at once in place of the one limit that it is beyond. */
function unitRange({ file }: Site, device: string, code: string, { type }: ParameterEntry): ProblemParameters {
  const { buses = {}, devices = {} } = file;
  const via = devices[device]?.via ?? '';
  const bus = Object.hasOwn(buses, via) ? buses[via] : undefined;
  return code === 'C025' && type === 'modbus_unit' && bus !== undefined ? { amount: '', ...unitsOf(bus) } : {};
}
