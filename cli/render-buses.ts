import { type BusReport, type DeviceReport, TIME_CLASSES_MS, type TimesReport, type UnitReport } from '../gateway/bus-report.ts';
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
    ...(problem === undefined ? [] : [[text.labels.problem, [text.problem(problem, bus.type)]] satisfies [string, string[]]]),
  ];
  if (line === undefined) {
    for (const device of bus.devices) blocks.push([text.labels.device, [...deviceLines(device)]]);
  } else {
    blocks.push([text.labels.line, [text.counts(line)]]);
    for (const unit of line.units) blocks.push([text.labels.unit(unit.unit), [...unitLines(unit)]]);
  }
  blocks.push([text.labels.cause, bus.causes.map((cause) => text.cause(cause))]);
  return `${text.head(bus)}\n${labelled(blocks, { columns, labelWidth: LABEL_WIDTH })}`;
}

function unitLines(unit: UnitReport): readonly string[] {
  return [text.unit(unit), ...timesLines(unit, text.answerTimes), ...unit.proposals.map((proposal) => text.proposal(proposal))];
}

function deviceLines(device: DeviceReport): readonly string[] {
  return [text.device(device), ...timesLines(device, text.readTimes)];
}

function timesLines(times: TimesReport, say: (p50Ms: number, p99Ms: number, bars: string) => string): string[] {
  const { p50Ms, p99Ms } = times;
  return p50Ms === undefined || p99Ms === undefined ? [] : [say(p50Ms, p99Ms, bars(times))];
}

/** One bar for each class that holds an answer, with its upper end: `10 ms ▇`. */
function bars({ histogram }: TimesReport): string {
  const all = histogram.reduce((sum, count) => sum + count, 0);
  return histogram
    .flatMap((count, i) => {
      if (count === 0) return [];
      const bar = BARS[Math.max(1, Math.round((count / all) * (BARS.length - 1)))] as string;
      return [text.timeClass(TIME_CLASSES_MS[i], bar)];
    })
    .join('  ');
}
