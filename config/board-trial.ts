import { loadSite, type SiteOptions } from './load-site.ts';
import type { BoardFile } from './schema-board.ts';

/** What becomes of a device of a board in this version; `code` is that of the note that says why it does not run. */
export type BoardTrial =
  | { readonly kind: 'runs' }
  | { readonly kind: 'skipped'; readonly code: string }
  | { readonly kind: 'wrong' };

/** The name of a site that is on no disk. */
const FILE = 'trial.gateway.yaml';

/** A place of each kind, by what a board needs. */
const PLACES: Readonly<Record<string, string>> = {
  i2c: 'i2c1',
  serial: 'line',
  modbus: 'meters',
  onewire: 'w1',
  digital_in: 'gpio.pin11',
  digital_out: 'gpio.pin11',
  analog: 'converter.ain0',
};

/** Tries a board as the only device of a site, so that what is said of it is what a site of somebody's own would hear. */
export async function tryBoard(board: BoardFile, { readFile, boardFolders, ...options }: SiteOptions): Promise<BoardTrial> {
  const via = PLACES[board.needs];
  if (via === undefined) return { kind: 'skipped', code: 'C137' };
  const text = new TextEncoder().encode(siteWith(board, via));
  const { config } = await loadSite(FILE, {
    ...options,
    readFile: async (path) => (path === FILE ? text : await readFile(path)),
    // Boards beside a site that is nowhere would be those of the folder in which somebody stands.
    listFolder: async (folder) => (boardFolders.includes(folder) ? await options.listFolder(folder) : []),
    boardFolders,
  });
  const code = config?.skipped.get('thing');
  if (code !== undefined) return { kind: 'skipped', code };
  return { kind: config === undefined ? 'wrong' : 'runs' };
}

/** What somebody has to fill in is filled in: parameters with the board's own example, and how long an output may be on. */
function siteWith({ id, version, needs, with: parameters = {}, outputs = {} }: BoardFile, via: string): string {
  const values = Object.entries(parameters).flatMap(([name, { required, example }]) =>
    required === true && example !== undefined ? [`${name}: ${example}`] : [],
  );
  const limits = Object.keys(outputs).map((output) => `${output}: { max_on: 1h }`);
  const parts = [
    `board: ${id}@${version.split('.')[0]}`,
    `via: ${via}`,
    `with: { ${values.join(', ')} }`,
    ...(limits.length === 0 ? [] : [`outputs: { ${limits.join(', ')} }`]),
  ];
  return `schema: gateway/v1
gateway: { id: trial }
buses:
  i2c1: { type: i2c }
  line: { type: serial, port: /dev/ttyUSB0 }
  meters: { type: modbus-rtu, port: /dev/ttyUSB1, baud: 9600 }
  w1: { type: onewire, pin: gpio.pin7 }
devices:
  thing: { ${parts.join(', ')} }
${needs === 'analog' ? '  converter: { board: ads1115@1, via: i2c1 }\n' : ''}`;
}
