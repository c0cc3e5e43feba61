import { startCompiled } from '../compiled.ts';
import type { Row } from '../row.ts';

const IN_FLIGHT = 8;
const COUNTS = [10, 125] as const;
const ROUNDS = 3;
const PATIENCE_MS = 60_000;

/** Requests a second, and what each took of the client's processor in microseconds. */
export interface TcpRate {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** One request at a time, and many at once. */
export interface TcpFigures {
  readonly one: TcpRate;
  readonly many: TcpRate;
}

/** Reads of neighbouring registers from a slave in another process, one and eight at once, beside modbus-serial alone. */
export async function benchTcp(): Promise<Row[]> {
  const slave = startCompiled('bus/tcp-slave.ts');
  const [, port = ''] = await slave.waitFor(/port (\d+)/);
  const rows: Row[] = [];
  for (const count of COUNTS) {
    const { ours, library } = await inTurns(port, count);
    const one = `Modbus TCP, ${count} registers, one request at a time`;
    const many = `Modbus TCP, ${count} registers, ${IN_FLIGHT} requests at once`;
    rows.push(
      rate(one, ours.one, 'modbus-serial, the same', library.one, 1.1),
      cpu(one, ours.one, library.one),
      rate(many, ours.many, 'modbus-serial, the same', library.many, 1.1),
      cpu(many, ours.many, library.many),
      rate(many, ours.many, 'modbus-serial, one at a time', library.one, 3),
    );
  }
  slave.kill();
  await slave.ended;
  return rows;
}

/** The best of several rounds of each, so that a slow moment of the machine meets both. */
async function inTurns(port: string, count: number): Promise<{ ours: TcpFigures; library: TcpFigures }> {
  let ours = await run('ours', port, count);
  let library = await run('library', port, count);
  for (let round = 1; round < ROUNDS; round++) {
    ours = better(ours, await run('ours', port, count));
    library = better(library, await run('library', port, count));
  }
  return { ours, library };
}

function better(one: TcpFigures, other: TcpFigures): TcpFigures {
  const best = (a: TcpRate, b: TcpRate) => ({
    perSecond: Math.max(a.perSecond, b.perSecond),
    cpuUs: Math.min(a.cpuUs, b.cpuUs),
  });
  return { one: best(one.one, other.one), many: best(one.many, other.many) };
}

async function run(who: 'ours' | 'library', port: string, count: number): Promise<TcpFigures> {
  const child = startCompiled('bus/tcp-run.ts', who, port, count, IN_FLIGHT);
  const [text] = await child.waitFor(/\{.*\}/, PATIENCE_MS);
  await child.ended;
  return JSON.parse(text) as TcpFigures;
}

function rate(name: string, { perSecond }: TcpRate, against: string, { perSecond: baseline }: TcpRate, goal: number): Row {
  return { name, value: perSecond, unit: 'requests/s', against, baseline, goal, goalFor: 'ratio', bound: 'at least' };
}

function cpu(name: string, ours: TcpRate, library: TcpRate): Row {
  const against = 'modbus-serial, the same';
  return { name: `${name}: processor time`, value: ours.cpuUs, unit: 'us', against, baseline: library.cpuUs };
}
