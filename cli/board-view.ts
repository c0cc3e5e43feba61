import { exampleInUse, exampleText } from '../config/board-example.ts';
import { type BoardTrial, tryBoard } from '../config/board-trial.ts';
import type { Texts } from '../config/config.ts';
import { durationText } from '../config/duration.ts';
import type { SiteOptions } from '../config/load-site.ts';
import { type ParameterRange, rangeOf } from '../config/parameter-range.ts';
import { show } from '../config/parameters.ts';
import type { BoardFile } from '../config/schema-board.ts';
import type { Driver } from '../drivers/driver.ts';
import { normaliseUnit, QUANTITIES, UNITS } from '../drivers/quantities.ts';
import { loadDriver } from '../drivers/registry.ts';

/** What `barri board show` tells of a board; its JSON has these keys. Lengths of time as they are written in a file. */
export interface BoardView {
  readonly id: string;
  readonly version: string;
  /** As `board:` of a device names it. */
  readonly reference: string;
  readonly file: string;
  readonly label: Texts;
  readonly vendor?: string;
  readonly status: BoardFile['status'];
  readonly driver: string;
  readonly trial: BoardTrial;
  readonly needs: BoardFile['needs'];
  /** Boards that offer a port into which it can be plugged. */
  readonly pluggedInto: readonly string[];
  /** How a serial line is set for it, which nobody has to write. */
  readonly serial?: { readonly baud: number; readonly format: string };
  /** How a Modbus device leaves the factory. */
  readonly factory?: {
    readonly baud?: number | undefined;
    readonly format?: string | undefined;
    readonly unit?: number | undefined;
  };
  readonly leastEvery?: string;
  readonly wiring: readonly { readonly pin: string; readonly to: string; readonly note?: Texts | undefined }[];
  readonly with: readonly ParameterView[];
  readonly readings: readonly ReadingView[];
  readonly outputs: readonly OutputView[];
  readonly provides: readonly { readonly port: string; readonly kind: string }[];
  readonly notes: readonly Texts[];
  /** Blocks for a site file, in YAML. */
  readonly example: string;
}

export interface ParameterView extends ParameterRange {
  readonly name: string;
  readonly type: string;
  readonly help?: Texts;
  readonly default?: string;
  /** Whether a site must say it. */
  readonly required: boolean;
  readonly example?: string;
}

export interface ReadingView {
  readonly reading: string;
  readonly quantity: string;
  readonly unit: string;
  readonly symbol: string;
  readonly kind: string;
  /** The smallest step that is told. */
  readonly precision?: number;
  readonly valid?: readonly [number, number];
  /** Of a total that begins again each day. */
  readonly resets?: 'daily';
  readonly enabled: boolean;
  readonly publish: boolean;
}

export interface OutputView {
  readonly output: string;
  readonly quantity: string;
  /** Missing where the site must say it. */
  readonly safe?: 'on' | 'off';
  readonly maxOn?: string;
}

/** Gathers what is known of a board. `all` are the boards that there are. */
export async function viewOf(
  board: BoardFile,
  { file, all, options }: { readonly file: string; readonly all: readonly BoardFile[]; readonly options: SiteOptions },
): Promise<BoardView> {
  const { id, version, label, vendor, status, driver, needs, serial, modbus, timing, wiring = [] } = board;
  const loaded = await loadDriver(driver);
  return {
    id,
    version,
    reference: `${id}@${version.split('.')[0]}`,
    file,
    label,
    ...(vendor === undefined ? {} : { vendor }),
    status,
    driver,
    trial: await tryBoard(board, options),
    needs,
    pluggedInto: await providersFor(needs, loaded, all),
    ...(serial === undefined ? {} : { serial: { baud: serial.baud, format: serial.format } }),
    ...(modbus?.factory === undefined ? {} : { factory: modbus.factory }),
    ...(timing?.min_every === undefined ? {} : { leastEvery: durationText(timing.min_every) }),
    wiring: wiring.map(({ pin, to, note }) => ({ pin, to, ...(note === undefined ? {} : { note }) })),
    with: Object.entries(board.with ?? {}).map(([name, parameter]) => ({
      name,
      type: parameter.type,
      ...(parameter.help === undefined ? {} : { help: parameter.help }),
      ...(parameter.default === undefined ? {} : { default: show(parameter.type, parameter.default) }),
      required: parameter.required === true,
      ...(parameter.example === undefined ? {} : { example: show(parameter.type, parameter.example) }),
      ...rangeOf(name, parameter, loaded),
    })),
    readings: Object.entries(board.readings ?? {}).map(readingView),
    outputs: Object.entries(board.outputs ?? {}).map(outputView),
    provides: portsOf(board.provides),
    notes: (board.notes ?? []).map(({ say }) => say),
    example: exampleText(exampleInUse(board)),
  };
}

/** Boards with ports that this version can use for it: pulses are missed in a port that is only looked at now and then. */
async function providersFor(needs: string, driver: Driver | undefined, all: readonly BoardFile[]): Promise<string[]> {
  const fitting = all.filter(({ provides }) => portsOf(provides).some(({ kind }) => isFor(kind, needs)));
  const found: string[] = [];
  for (const board of fitting) {
    const ports = (await loadDriver(board.driver))?.ports;
    const isMissed = driver?.countsPulses === true && ports?.lookMs !== undefined;
    if (ports !== undefined && !isMissed) found.push(board.id);
  }
  return found;
}

function portsOf(provides: BoardFile['provides'] = {}): { readonly port: string; readonly kind: string }[] {
  return Object.entries(provides).map(([port, what]) => ({ port, kind: typeof what === 'string' ? what : what.kind }));
}

/** Whether a port of this kind is what a board needs; a `digital` one goes both ways. */
function isFor(kind: string, needs: string): boolean {
  return kind === needs || (kind === 'digital' && needs.startsWith('digital_'));
}

function readingView([id, reading]: [string, NonNullable<BoardFile['readings']>[string]]): ReadingView {
  const { quantity, kind, valid, resets, enabled, publish } = reading;
  const unit = normaliseUnit(reading.unit) ?? reading.unit;
  const precision = reading.precision ?? QUANTITIES.get(quantity)?.units[unit];
  return {
    reading: id,
    quantity,
    unit,
    symbol: UNITS.get(unit)?.symbol ?? unit,
    kind,
    ...(precision === undefined || unit === 'bool' || unit === 'text' ? {} : { precision }),
    ...(valid === undefined ? {} : { valid }),
    ...(resets === undefined ? {} : { resets }),
    enabled,
    publish,
  };
}

function outputView([id, { quantity, safe, max_on: maxOn }]: [string, NonNullable<BoardFile['outputs']>[string]]): OutputView {
  return {
    output: id,
    quantity,
    ...(safe === undefined ? {} : { safe: safe ? 'on' : 'off' }),
    ...(maxOn === undefined ? {} : { maxOn: maxOn === 'unlimited' ? maxOn : durationText(maxOn) }),
  };
}
