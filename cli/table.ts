import { NOT_SHOWN } from '../drivers/reading.ts';

/** Characters that take two columns of a terminal: East Asian wide and full-width letters, and emoji (UAX 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
/** Letters that each take one column, which need not be taken apart. */
const PLAIN = /^[ -~]*$/;
const segmenter = new Intl.Segmenter();

/** Columns that a table may take: of a terminal its own. What a program reads stays one line a row. */
export function tableColumns({ isTerminal, columns }: { readonly isTerminal: boolean; readonly columns: number }): number {
  return isTerminal ? columns : Number.POSITIVE_INFINITY;
}

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

const ALL_NOT_SHOWN = new RegExp(NOT_SHOWN, 'gu');

/** A text of others for a cell of so many columns: cut where it is longer, and `�` for what could do something to a terminal. */
export function cellText(text: string, columns: number): string {
  const safe = text.replace(ALL_NOT_SHOWN, '\ufffd');
  if (displayWidth(safe) <= columns) return safe;
  let cut = '';
  for (const { segment } of segmenter.segment(safe)) {
    if (displayWidth(cut + segment) >= columns) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** What stands before the rest of a line that was broken. */
const CONTINUED = '  ';

/** Between two cells of a table. */
const GAP = '  ';

/** Too narrow a terminal is not worth breaking lines for. */
const WIDTH_MIN = 40;
/** What stands far in gets so many columns all the same. */
const TEXT_MIN = 16;

/**
 * Lines of a table with aligned columns, two spaces apart; cells whose index is in `right` are aligned right. Where a row is wider
 * than `columns` of the terminal its last cells stand in lines of their own below it, further in and aligned with each other.
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
  columns = Number.POSITIVE_INFINITY,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
  }
  const lines = linesOf(widths, Math.max(WIDTH_MIN, columns));
  return rows.flatMap((row) =>
    lines.flatMap(([first, end], at) => {
      const cells = row.slice(first, end).map((cell, index) => {
        const space = ' '.repeat((widths[first + index] ?? 0) - displayWidth(cell));
        return right.has(first + index) ? space + cell : cell + space;
      });
      const line = `${at === 0 ? '' : CONTINUED}${cells.join(GAP)}`.trimEnd();
      return at > 0 && line === '' ? [] : fitted(line, columns).split('\n');
    }),
  );
}

/** Which cells of a row, from the first to before the end, stand in a line together. */
function linesOf(widths: readonly number[], columns: number): (readonly [first: number, end: number])[] {
  const lines: [number, number][] = [[0, 0]];
  let used = 0;
  for (const [column, width] of widths.entries()) {
    const line = lines.at(-1) as [number, number];
    const next = used + (line[1] > line[0] ? GAP.length : 0) + width;
    if (next <= columns || line[1] === line[0]) {
      line[1] = column + 1;
      used = next;
    } else {
      lines.push([column, column + 1]);
      used = CONTINUED.length + width;
    }
  }
  return lines;
}

/** Breaks lines so that they fit on a terminal of so many columns; what stands further in stays there. */
export function fitted(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      const indent = /^ */.exec(line)?.[0] ?? '';
      return wrapped(line.slice(indent.length), columns, indent.length).map((part) => (part === '' ? '' : indent + part));
    })
    .join('\n');
}

/** Blocks of lines with a label before each, broken so that they fit on a terminal of so many columns. */
export function labelled(
  blocks: readonly (readonly [label: string, lines: readonly string[]])[],
  { columns, labelWidth = 10 }: { readonly columns: number; readonly labelWidth?: number },
): string {
  const lines = blocks.flatMap(([label, texts]) =>
    texts
      .flatMap((line) => wrapped(line, columns, labelWidth))
      .map((line, index) => (index === 0 ? label : '').padEnd(labelWidth) + line),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * Breaks a line at spaces that stands behind `before` columns of a terminal; a word that is too long stays whole, and so does what
 * stands in backticks and fits on a line.
 */
function wrapped(line: string, columns: number, before: number): string[] {
  const width = Math.max(TEXT_MIN, Math.max(WIDTH_MIN, columns) - before);
  const lines: string[] = [];
  let current = '';
  let currentWidth = 0;
  for (const word of wordsOf(line, width)) {
    const wordWidth = displayWidth(word);
    if (current === '') {
      current = word;
      currentWidth = wordWidth;
    } else if (currentWidth + 1 + wordWidth > width) {
      lines.push(current);
      current = CONTINUED + word;
      currentWidth = CONTINUED.length + wordWidth;
    } else {
      current += ` ${word}`;
      currentWidth += 1 + wordWidth;
    }
  }
  return [...lines, current];
}

/** The words of a line. A command in backticks is there to be pasted, so it is one word unless it is longer than a line. */
function wordsOf(line: string, width: number): string[] {
  const words: string[] = [];
  let open: string[] = [];
  for (const word of line.split(' ')) {
    const isEdge = word.split('`').length % 2 === 0;
    if (open.length === 0 && !isEdge) words.push(word);
    else open.push(word);
    if (open.length > 1 && isEdge) {
      const whole = open.join(' ');
      words.push(...(displayWidth(whole) + CONTINUED.length > width ? open : [whole]));
      open = [];
    }
  }
  return [...words, ...open];
}
