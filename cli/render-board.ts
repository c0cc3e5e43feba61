import type { BoardView } from './board-view.ts';
import { inEnglish, text } from './messages/board-show.ts';
import { displayWidth, fitted, labelled } from './table.ts';

const LABEL_WIDTH = 10;
/** A longer name gets a line of its own. */
const NAME_WIDTH_MAX = 26;

/** The picture of `barri board show`. The example at the end is never broken: it is there to be pasted. */
export function renderBoard(view: BoardView, { columns }: { readonly columns: number }): string {
  const { labels } = text;
  const ports = new Map<string, string[]>();
  for (const { port, kind } of view.provides) ports.set(kind, [...(ports.get(kind) ?? []), port]);
  const sections: readonly [string, readonly Row[]][] = [
    [labels.needs, [['', text.needs(view)]]],
    [labels.wiring, view.wiring.map(({ pin, to, note }) => [pin, [note === undefined ? to : `${to}: ${inEnglish(note)}`]])],
    [labels.with, view.with.map((parameter) => [parameter.name, text.parameter(parameter)])],
    [labels.readings, view.readings.map((reading) => [reading.reading, [text.reading(reading)]])],
    [labels.outputs, view.outputs.map((output) => [output.output, [text.output(output)]])],
    [labels.ports, [['', [...ports].map(([kind, names]) => text.ports(kind, names))]]],
    [labels.notes, [['', view.notes.map(inEnglish)]]],
  ];
  const head = fitted(`${view.reference}  ${inEnglish(view.label)}\n${text.head(view)}\n`, columns);
  const shown = sections.map(([label, rows]) => section(label, rows, columns)).join('');
  const [device = ''] = /^ {2}\S+(?=:$)/m.exec(view.example) ?? [];
  return `${head}\n${shown}\n${fitted(text.exampleHead(device.trim()), columns)}\n${view.example}`;
}

/** A name, empty where there is none, and what is said of it. */
type Row = readonly [name: string, lines: readonly string[]];

function section(label: string, rows: readonly Row[], columns: number): string {
  const widths = rows.map(([name]) => displayWidth(name)).filter((width) => width <= NAME_WIDTH_MAX);
  const widest = Math.max(0, ...widths);
  const labelWidth = widest === 0 ? 0 : widest + 2;
  const lines = rows.flatMap(([name, texts]) =>
    displayWidth(name) > NAME_WIDTH_MAX
      ? [name, ...linesOf('', texts, columns - LABEL_WIDTH, labelWidth)]
      : linesOf(name, texts, columns - LABEL_WIDTH, labelWidth),
  );
  return lines
    .map((line, index) => `${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${line}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

function linesOf(name: string, texts: readonly string[], columns: number, labelWidth: number): string[] {
  return labelled([[name, texts]], { columns, labelWidth })
    .split('\n')
    .slice(0, -1);
}
