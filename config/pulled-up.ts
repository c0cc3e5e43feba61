import { freePins } from './free-pins.ts';
import { isPulledUp, parsePin, pinOfLine } from './header-pins.ts';
import type { Plugged, Site } from './site.ts';

/** Free pins that a message names. */
const PINS_SHOWN = 3;

/**
 * An output that a high level switches on is on from power-on until the gateway runs where its pin is pulled up. Where that
 * is its safe state it is as it should be.
 */
export function warnPulledUp(site: Site, { id, entry, board, parameters }: Plugged, line: number): void {
  if (board.needs !== 'digital_out' || parameters?.['active'] !== 'high' || !isPulledUp(line)) return;
  for (const [name, { safe }] of Object.entries(board.outputs ?? {})) {
    const own = entry.outputs?.[name];
    if (own?.enabled === false || (own?.safe ?? safe) === true) continue;
    const free = freePins(site.file).filter((pin) => !isUp(pin));
    const parameters = { pin: pinOfLine(line) ?? 0, line, output: `${id}.${name}`, free: free.slice(0, PINS_SHOWN) };
    site.report('C159', ['devices', id, 'via'], parameters, 'warning');
  }
}

function isUp(via: string): boolean {
  const pin = parsePin(via.replace(/^gpio\./, ''));
  return 'line' in pin && isPulledUp(pin.line);
}
