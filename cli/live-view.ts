import type { Gateway } from '../gateway/gateway.ts';
import type { ReadingRow } from '../gateway/status.ts';
import type { Io } from './io.ts';
import { renderReadings } from './render-readings.ts';
import { renderStatus } from './render-status.ts';

const REFRESH_MS = 1_000;

/** Shows a running gateway until the returned function is called: a table that renews itself on a terminal, else a line for each new value. */
export function liveView(gateway: Gateway, io: Io): () => void {
  const show = io.isTerminal ? terminalView(gateway, io) : lineView(gateway, io);
  const timer = setInterval(show, REFRESH_MS);
  return () => clearInterval(timer);
}

function terminalView(gateway: Gateway, io: Io): () => void {
  let shownLines = 0;
  return () => {
    const picture = `${renderReadings(gateway.readings())}\n${renderStatus(gateway.status())}`;
    // What is wrong stands at the end: on a low terminal the beginning is cut, or the cursor could not go back to it.
    const cut = picture
      .split('\n')
      .slice(-io.rows)
      .map((line) => line.slice(0, io.columns));
    // Up to where the last picture began, and each line cleared to its end.
    const up = shownLines > 0 ? `\x1b[${shownLines}F` : '';
    io.out(`${up}${cut.join('\x1b[K\n')}\x1b[J`);
    shownLines = cut.length - 1;
  };
}

/** Two readings of one channel are never closer than this; the same one seen twice differs by rounding only. */
const SAME_READING_MS = 100;

function lineView(gateway: Gateway, io: Io): () => void {
  const shown = new Map<string, number>();
  return () => {
    const nowMs = gateway.status().uptimeMs;
    const isNew = ({ device, reading, ageMs }: ReadingRow) => {
      if (ageMs === undefined) return false;
      const key = `${device}.${reading}`;
      const readMs = nowMs - ageMs;
      const isSame = Math.abs(readMs - (shown.get(key) ?? Number.NEGATIVE_INFINITY)) < SAME_READING_MS;
      shown.set(key, readMs);
      return !isSame;
    };
    const fresh = gateway.readings().filter(isNew);
    if (fresh.length > 0) io.out(renderReadings(fresh));
  };
}
