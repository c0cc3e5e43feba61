import type { BoardFile } from './schema-board.ts';

/** What a site says to use one device of a board: the lines of its `buses:` and `devices:`, without these two keys. */
export interface BoardExample {
  /** The id of the device of the board itself. */
  readonly device: string;
  readonly buses: readonly string[];
  readonly devices: readonly string[];
}

type Board = Pick<BoardFile, 'id' | 'version' | 'needs' | 'with' | 'outputs' | 'provides' | 'modbus' | 'timing'>;

/** A device that is not asked otherwise is asked every minute. */
const EVERY_DEFAULT_MS = 60_000;

/** The numbers of a usual adapter; everybody has to put their own in their place. */
const ADAPTER = '"usb:1a86:7523"';
const OWN_ADAPTER = '# usb: and the two numbers of the adapter that lsusb prints';

interface Place {
  readonly via: string;
  readonly buses?: readonly string[];
  /** What it is plugged into, where that is another device. */
  readonly device?: string;
}

/** Where a device is plugged in, by what its board needs, and the lines that declare that place. */
const PLACES: Readonly<Record<BoardFile['needs'], Place>> = {
  i2c: { via: 'i2c1', buses: ['i2c1: { type: i2c }'] },
  serial: { via: 'line', buses: [OWN_ADAPTER, `line: { type: serial, port: ${ADAPTER} }`] },
  modbus: { via: 'meters' },
  onewire: { via: 'w1', buses: ['w1: { type: onewire, pin: gpio.pin7 }'] },
  analog: {
    via: 'converter.ain0',
    buses: ['i2c1: { type: i2c }'],
    device: 'converter: { board: ads1115@1, via: i2c1 }',
  },
  digital_in: { via: 'gpio.pin11 # the pin that it is wired to' },
  digital_out: { via: 'gpio.pin11 # the pin that it is wired to' },
  gateway: { via: 'gateway' },
  mqtt: { via: 'nodes', buses: ['nodes: { type: mqtt, url: mqtt://127.0.0.1:1883 }'] },
};

/** A device for a port, by the kind of the port: what only provides ports does nothing without one. */
const IN_PORT: Readonly<Record<string, { readonly device: string; readonly keys: readonly string[] }>> = {
  analog: { device: 'level', keys: ['board: analog-input@1'] },
  digital: { device: 'door', keys: ['board: contact@1'] },
  digital_in: { device: 'door', keys: ['board: contact@1'] },
  digital_out: { device: 'lamp', keys: ['board: relay@1', 'outputs: { switch: { max_on: 1h } }'] },
};

/**
 * A device of a board as a site would have it: what somebody must fill in is filled in, with the board's own examples, and
 * what has a default is left out.
 */
export function boardExample(board: Board): BoardExample {
  const place = PLACES[board.needs];
  const device = idOf(board.id);
  return {
    device,
    buses: board.needs === 'modbus' ? [OWN_ADAPTER, modbusLine(board)] : (place.buses ?? []),
    devices: [...(place.device === undefined ? [] : [place.device]), `${device}:`, ...keysOf(board, place.via).map(indented)],
  };
}

/** The same with something in its first port, so that a board of ports has something to do. */
export function exampleInUse(board: Board): BoardExample {
  const example = boardExample(board);
  const [port, what] = Object.entries(board.provides ?? {})[0] ?? [];
  const kind = typeof what === 'string' ? what : what?.kind;
  const plugged = kind === undefined ? undefined : IN_PORT[kind];
  if (plugged === undefined) return example;
  const keys = [...plugged.keys, `via: ${example.device}.${port}`];
  return { ...example, devices: [...example.devices, `${plugged.device}:`, ...keys.map(indented)] };
}

/** The blocks of an example, to be put into a site file. */
export function exampleText({ buses, devices }: BoardExample): string {
  const block = (key: string, lines: readonly string[]) =>
    lines.length === 0 ? '' : `${key}:\n${lines.map((line) => `${indented(line)}\n`).join('')}`;
  return [block('buses', buses), block('devices', devices)].filter((text) => text !== '').join('\n');
}

function modbusLine({ modbus }: Board): string {
  const { baud = 9600, format = '8N1' } = modbus?.factory ?? {};
  return `meters: { type: modbus-rtu, port: ${ADAPTER}, baud: ${baud}, format: ${format} }`;
}

function keysOf({ id, version, with: parameters = {}, outputs = {}, timing }: Board, via: string): string[] {
  const values = Object.entries(parameters).flatMap(([name, { required, example }]) =>
    required === true && example !== undefined ? [`${name}: ${example}`] : [],
  );
  const limits = Object.entries(outputs).flatMap(([name, output]) => {
    const missing = [...(output.safe === undefined ? ['safe: off'] : []), ...(output.max_on === undefined ? ['max_on: 1h'] : [])];
    return missing.length === 0 ? [] : [`${name}: { ${missing.join(', ')} }`];
  });
  const leastMs = timing?.min_every ?? 0;
  return [
    `board: ${id}@${version.split('.')[0]}`,
    `via: ${via}`,
    ...(leastMs > EVERY_DEFAULT_MS ? [`every: ${Math.ceil(leastMs / EVERY_DEFAULT_MS)}min`] : []),
    ...(values.length === 0 ? [] : [`with: { ${values.join(', ')} } # yours in place of these`]),
    ...(limits.length === 0 ? [] : [`outputs: { ${limits.join(', ')} } # how long it may be on at most`]),
  ];
}

/** Ids of boards have hyphens and may begin with a digit, ids of devices not. */
function idOf(board: string): string {
  const id = board.replaceAll('-', '_');
  return /^[a-z]/.test(id) ? id : `board_${id}`;
}

function indented(line: string): string {
  return `  ${line}`;
}
