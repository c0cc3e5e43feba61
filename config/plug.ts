import type { BoardLibrary, LoadedBoard } from './board-library.ts';
import { closest, listed } from './closest.ts';
import { meantPins, parsePin } from './header-pins.ts';
import { type ParameterValue, parseParameter } from './parameters.ts';
import type { BoardFile } from './schema-board.ts';
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

/** What a port gives; a `digital` one goes both ways. */
const PORT_GIVES: Readonly<Record<string, readonly string[]>> = {
  analog: ['analog'],
  digital: ['digital_in', 'digital_out'],
  digital_in: ['digital_in'],
  digital_out: ['digital_out'],
};

/** What `via:` can lead to, made once for all devices. */
interface Wiring {
  readonly boards: ReadonlyMap<string, BoardFile>;
  /** For proposals. */
  readonly places: readonly string[];
  /** For lists of what is known. */
  readonly buses: readonly string[];
}

/** Finds the board of every device and the place where it is plugged in. Devices without a board are left out, after a report. */
export async function plugDevices(site: Site, library: BoardLibrary): Promise<ReadonlyMap<string, Plugged>> {
  const boards = new Map<string, BoardFile>();
  const devices = Object.entries(site.file.devices ?? {});
  for (const [id, entry] of devices) {
    const loaded = await findBoard(site, library, id, entry);
    if (loaded?.board) boards.set(id, loaded.board);
  }
  const plugged = new Map<string, Plugged>();
  const buses = Object.keys(site.file.buses ?? {});
  const wiring: Wiring = {
    boards,
    places: [...buses, 'gpio.pin11', ...Object.keys(site.file.devices ?? {})],
    buses: listed([...buses, 'gpio']),
  };
  for (const [id, entry] of devices) {
    const board = boards.get(id);
    const via = parseVia(site, id, entry, board, wiring);
    if (board) plugged.set(id, { id, entry, board, via, parameters: readParameters(site, id, board) });
  }
  return plugged;
}

async function findBoard(
  site: Site,
  library: BoardLibrary,
  id: string,
  { board }: DeviceEntry,
): Promise<LoadedBoard | undefined> {
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
      site.report('C101', path, { board, candidates: closest(board.replace(/@.*/, ''), found.known) });
      return undefined;
    case 'other-id':
      site.report('C118', path, { board, file: found.file, id: found.id });
      return undefined;
    case 'bad-reference':
      site.report('C099', path, { board, write: meantReference(board, found.known) });
      return undefined;
  }
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
    site.report('C112', path, { board: board.id, needs: board.needs, via, gives });
    return false;
  };
  const [first = '', ...rest] = via.split('.');
  const second = rest.join('.');
  if (first === 'gpio') return parseGpio(site, path, via, second, fits);
  const bus = Object.hasOwn(buses, first) ? buses[first] : undefined;
  if (bus && second === '') return fits([BUS_GIVES[bus.type]]) ? { kind: 'bus', bus: first, entry: bus } : undefined;
  const device = Object.hasOwn(site.file.devices ?? {}, first) ? site.file.devices?.[first] : undefined;
  // A bus or device that the schema refused is there, and has been reported.
  if (!bus && !device && (isWritten(site, ['buses', first]) || isWritten(site, ['devices', first]))) return undefined;
  if (device === undefined || bus) {
    const pins = meantPins(via);
    if (pins.length > 0) site.report('C111', path, { via, candidates: pins });
    else site.report('C110', path, { via, candidates: closest(first, wiring.places), known: wiring.buses });
    return undefined;
  }
  const provider = wiring.boards.get(first);
  // A provider without a board has been reported; what it would offer is not known.
  if (!provider) return undefined;
  const ports = Object.keys(provider.provides ?? {});
  const port = Object.hasOwn(provider.provides ?? {}, second) ? provider.provides?.[second] : undefined;
  if (port === undefined || first === id) {
    site.report('C116', path, { via, device: first, board: provider.id, candidates: closest(second, ports), known: ports });
    return undefined;
  }
  const kind = typeof port === 'string' ? port : port.kind;
  return fits(PORT_GIVES[kind] ?? []) ? { kind: 'port', device: first, port: second } : undefined;
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
    site.report('C113', path, { pin: pin.pin, carries: pin.carries });
    return undefined;
  }
  return fits(PORT_GIVES['digital'] ?? []) ? { kind: 'line', line: pin.line } : undefined;
}

/** The values of `with:`, with the board's defaults, as the board's types say; undefined after a report. */
function readParameters(site: Site, id: string, board: BoardFile): Record<string, ParameterValue> | undefined {
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
    report('C121', [...base, name], { board: board.id, name, candidates: closest(name, known), known }, 'error', 'key');
  }
  for (const [name, parameter] of Object.entries(declared)) {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = own ?? parameter.default;
    if (value === undefined) {
      if (parameter.required && !isWritten(site, [...base, name]))
        report('C122', base, { board: board.id, name, example: String(parameter.example ?? '…') });
      continue;
    }
    const path = [...base, name];
    const written = (own === undefined ? undefined : nodeAt(site.document.root, path)?.source) ?? String(value);
    const outcome = parseParameter(parameter, { value, written });
    if ('code' in outcome) report(outcome.code, path, outcome.parameters);
    else values[name] = outcome.value;
  }
  return isWrong ? undefined : values;
}
