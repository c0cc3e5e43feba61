import { type BusReport, TURNAROUND_CLASSES_MS, type UnitReport } from '../gateway/bus-report.ts';
import { text } from './messages/bus.ts';
import { labelled } from './table.ts';

/** From nothing to all of the answers. */
const BARS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const LABEL_WIDTH = 10;

/** The picture of `barri bus stats`. */
export function renderBuses(buses: readonly BusReport[], { columns }: { readonly columns: number }): string {
  return buses.map((bus) => renderBus(bus, columns)).join('\n');
}

function renderBus(bus: BusReport, columns: number): string {
  const { line, problem } = bus;
  const blocks: [string, string[]][] = [
    [text.labels.use, [text.use(bus)]],
    ...(problem === undefined ? [] : [[text.labels.problem, [text.problem(problem)]] satisfies [string, string[]]]),
  ];
  if (line !== undefined) {
    blocks.push([text.labels.line, [text.counts(line)]]);
    for (const unit of line.units) blocks.push([text.labels.unit(unit.unit), [...unitLines(unit)]]);
    blocks.push([text.labels.cause, line.causes.map((cause) => text.cause(cause))]);
  }
  return `${text.head(bus)}\n${labelled(blocks, { columns, labelWidth: LABEL_WIDTH })}`;
}

function unitLines(unit: UnitReport): readonly string[] {
  const lines = [text.unit(unit)];
  if (unit.p50Ms !== undefined && unit.p99Ms !== undefined) lines.push(text.times(unit.p50Ms, unit.p99Ms, bars(unit)));
  for (const proposal of unit.proposals) lines.push(text.proposal(proposal));
  return lines;
}

/** One bar for each class that holds an answer, with its upper end: `10 ms ▇`. */
function bars({ histogram }: UnitReport): string {
  const all = histogram.reduce((sum, count) => sum + count, 0);
  return histogram
    .flatMap((count, i) => {
      if (count === 0) return [];
      const bar = BARS[Math.max(1, Math.round((count / all) * (BARS.length - 1)))] as string;
      return [text.timeClass(TURNAROUND_CLASSES_MS[i], bar)];
    })
    .join('  ');
}
