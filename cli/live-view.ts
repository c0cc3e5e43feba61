import type { Gateway } from '../gateway/gateway.ts';
import type { ReadingRow } from '../gateway/status.ts';
import type { Io } from './io.ts';
import { text } from './messages/live.ts';
import { renderOutputs } from './render-outputs.ts';
import { renderReadings } from './render-readings.ts';
import { renderStatus, troubleOf } from './render-status.ts';
import { cellText, displayWidth } from './table.ts';

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
    const rows = gateway.readings();
    const readings = renderReadings(rows, io.columns).trimEnd().split('\n');
    const status = renderStatus(gateway.status(), io.columns).trimEnd().split('\n');
    const outputs = gateway.outputs.states();
    const switched = outputs.length === 0 ? [] : ['', ...renderOutputs(outputs, io).trimEnd().split('\n')];
    const lines = fitted(readings, rows.length, [...switched, '', ...status], io);
    // Up to where the last picture began, and each line cleared to its end.
    const up = shownLines > 0 ? `\x1b[${shownLines}F` : '';
    io.out(`${up}${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    shownLines = lines.length;
  };
}

/** Cuts a picture to the terminal: the heading and what stands below stay, readings in between go, and each cut is marked. */
function fitted(readings: readonly string[], readingCount: number, below: readonly string[], io: Io): string[] {
  // The cursor needs a line of its own, or the terminal scrolls.
  const room = io.rows - 1 - below.length;
  // In a narrow terminal the heading and each reading take more than one line.
  const linesEach = Math.max(1, Math.floor(readings.length / (readingCount + 1)));
  const keptCount = Math.max(0, Math.floor((room - 1) / linesEach) - 1);
  const shown =
    readings.length <= room
      ? readings
      : [...readings.slice(0, (keptCount + 1) * linesEach), moreText(readingCount - keptCount, io)];
  return [...shown, ...below].map((line) => (displayWidth(line) > io.columns ? cellText(line, io.columns) : line));
}

function moreText(count: number, { columns }: Io): string {
  const long = text.moreReadings(count);
  return displayWidth(long) <= columns ? long : text.moreReadingsShort(count);
}

/** Two readings of one channel are never closer than this; the same one seen twice differs by rounding only. */
const SAME_READING_MS = 100;

function lineView(gateway: Gateway, io: Io): () => void {
  const shown = new Map<string, number>();
  let said = '';
  let moved = '';
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
    const outputs = gateway.outputs.states();
    const movement = outputs.map(({ output, seen, asked, problem }) => [output, seen, asked?.on, asked?.from, problem].join(' '));
    if (outputs.length > 0 && movement.join('\n') !== moved) io.out(renderOutputs(outputs, io));
    moved = movement.join('\n');
    const status = gateway.status();
    const trouble = troubleOf(status);
    if (trouble !== said && trouble !== '') io.out(renderStatus(status, io.columns));
    said = trouble;
  };
}
