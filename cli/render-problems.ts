import type { Problem, Severity } from '../config/problem.ts';
import { CONCEALED, STARS } from '../config/secrets.ts';
import type { Io } from './io.ts';
import { type Catalogue, textOf } from './messages/catalogue.ts';
import { en } from './messages/en.ts';
import { displayWidth, fitted } from './table.ts';

/** What decides how a text looks: colour only on a terminal, lines cut at its width. */
export type Look = Pick<Io, 'isTerminal' | 'columns' | 'env'>;

/** Lines longer than this are cut around the place that matters, also in a file. */
const LINE_WIDTH_MAX = 120;

/** Characters of a line that are looked at on each side: a file of one line of 256 KiB must not take seconds. */
const NEAR_MAX = 400;

const TAB_WIDTH = 4;
const CUT = '…';
const COLOURS: Readonly<Record<Severity, string>> = { error: '\u001b[1;31m', warning: '\u001b[1;33m', note: '\u001b[1;36m' };
const PLAIN = '\u001b[0m';

/** Characters that would move the cursor or turn the writing direction: a file must not be able to draw on the terminal. */
const CONTROL = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** One problem as scripts get it; `line` and `column` count from 1, columns in UTF-16 units as editors do. */
export interface JsonProblem {
  readonly code: string;
  readonly severity: Severity;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly fix: readonly string[];
}

/** The problems for scripts: `{ problems: […] }` and what else there is to say, one line of JSON with a line end. */
export function problemsAsJson(problems: readonly Problem[], rest: object = {}, catalogue: Catalogue = en): string {
  const list = problems.map((problem): JsonProblem => {
    const { code, severity, place, path } = problem;
    const { what, hints } = textOf(catalogue, code, problem.parameters);
    return { code, severity, file: place.file, line: place.line, column: place.column, path, message: what, fix: hints };
  });
  return `${JSON.stringify({ problems: list, ...rest })}\n`;
}

/**
 * The problems for people: a headline, the line of the file with what is meant underlined, and what to do.
 *
 * @param sources the text of each file; secrets in it are CONCEALED (config/secrets.ts)
 */
export function renderProblems(
  problems: readonly Problem[],
  sources: ReadonlyMap<string, string>,
  look: Look,
  catalogue: Catalogue = en,
): string {
  const lines = new Map([...sources].map(([file, source]) => [file, source.split(/\r?\n/)]));
  return problems.map((problem) => `${renderProblem(problem, lines.get(problem.place.file), look, catalogue)}\n\n`).join('');
}

/** The end of a check; `otherCount` files of the folders were passed by. */
export function renderSummary(
  problems: readonly Problem[],
  fileCount: number,
  otherCount = 0,
  catalogue: Catalogue = en,
): string {
  const count = (severity: Severity) => problems.filter((problem) => problem.severity === severity).length;
  return `${catalogue.summary(fileCount, count('error'), count('warning'), count('note'))}\n${otherCount === 0 ? '' : `${catalogue.others(otherCount)}\n`}`;
}

function renderProblem(problem: Problem, lines: readonly string[] | undefined, look: Look, catalogue: Catalogue): string {
  const { code, severity, place, parameters } = problem;
  const { what, hints } = textOf(catalogue, code, parameters);
  const kind = `${catalogue.severity[severity]}[${code}]`;
  const colour = look.isTerminal && !look.env['NO_COLOR'] && look.env['TERM'] !== 'dumb' ? COLOURS[severity] : '';
  const end = colour === '' ? '' : PLAIN;
  const number = String(place.line);
  const margin = ' '.repeat(number.length);
  const columns = look.columns || LINE_WIDTH_MAX;
  const source = lines?.[place.line - 1];
  const frame = source === undefined ? undefined : drawLine(source, place.column - 1, place.length, columns - margin.length - 3);
  return [
    // Colours take no columns: they are put in once the line has been broken.
    `${colour}${kind}${end}${fitted(`${kind} ${safe(what)}`, columns).slice(kind.length)}`,
    placeLines(`${margin} --> `, problem, columns),
    ...(frame === undefined || frame.text === ''
      ? []
      : [`${margin} |`, `${number} | ${frame.text}`, `${margin} | ${colour}${frame.carets}${end}`]),
    ...hints.map((hint) => fitted(`${margin} = ${safe(hint)}`, columns)),
  ].join('\n');
}

/** Editors follow `file:line:column`, which therefore stays whole; the path goes below where there is no room beside it. */
function placeLines(arrow: string, { place, path }: Problem, columns: number): string {
  const at = `${arrow}${safe(place.file)}:${place.line}:${place.column}`;
  if (path === '') return at;
  const named = `(${safe(path)})`;
  return displayWidth(`${at}  ${named}`) > columns ? `${at}\n${' '.repeat(arrow.length)}${named}` : `${at}  ${named}`;
}

function safe(text: string): string {
  return text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** One line with carets under it: tabs become spaces, hidden secrets stars, and a long line is cut around the carets. */
function drawLine(source: string, at: number, meantLength: number, columns: number): { text: string; carets: string } {
  const { from, length } = wholeSecret(source, at, meantLength);
  const before = clean(source.slice(Math.max(0, from - NEAR_MAX), from), 0);
  const meant = clean(source.slice(from, from + Math.min(length, NEAR_MAX)), displayWidth(before));
  const after = clean(source.slice(from + length, from + length + NEAR_MAX), displayWidth(before + meant));
  const width = Math.max(20, Math.min(columns, LINE_WIDTH_MAX));
  // At least a third of the width is left for what is meant.
  const lead = cutStart(before, Math.floor((width * 2) / 3));
  const shown = cutEnd(meant, width - displayWidth(lead));
  const rest = cutEnd(after, width - displayWidth(lead + shown));
  return {
    text: `${lead}${shown}${rest}`.trimEnd(),
    carets: ' '.repeat(displayWidth(lead)) + '^'.repeat(Math.max(1, displayWidth(shown))),
  };
}

/** Stars have one width however long a secret is, so what is meant in the middle of one is the whole of it. */
function wholeSecret(source: string, at: number, length: number): { from: number; length: number } {
  let from = at;
  let to = at + length;
  if (source[at] === CONCEALED) while (at - from < NEAR_MAX && source[from - 1] === CONCEALED) from -= 1;
  if (source[to - 1] === CONCEALED) while (to - at < length + NEAR_MAX && source[to] === CONCEALED) to += 1;
  return { from, length: to - from };
}

function clean(text: string, column: number): string {
  let result = '';
  for (const character of text.replace(new RegExp(`${CONCEALED}+`, 'g'), STARS)) {
    if (character === '\t') result += ' '.repeat(TAB_WIDTH - ((column + displayWidth(result)) % TAB_WIDTH));
    else result += character.replace(CONTROL, '·');
  }
  return result;
}

function cutEnd(text: string, width: number): string {
  if (width <= 0) return '';
  return displayWidth(text) <= width ? text : `${cut([...text], width - 1).join('')}${CUT}`;
}

function cutStart(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  return `${CUT}${cut([...text].reverse(), width - 1)
    .reverse()
    .join('')}`;
}

/** As many of the first characters as fit. */
function cut(characters: readonly string[], width: number): string[] {
  const kept: string[] = [];
  let used = 0;
  for (const character of characters) {
    used += displayWidth(character);
    if (used > width) break;
    kept.push(character);
  }
  return kept;
}
