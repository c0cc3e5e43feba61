import { benchCoalescing } from './bus/coalescing.ts';
import { benchDeadSlaves } from './bus/dead-slaves.ts';
import { benchEdgeStorm } from './bus/edge-storm.ts';
import { benchEdges } from './bus/edges.ts';
import { benchRtu } from './bus/rtu.ts';
import { benchScheduler } from './bus/scheduler.ts';
import { benchTcp } from './bus/tcp.ts';
import type { Row } from './row.ts';

/** The wire side: Modbus over TCP and a paced serial line, sharing a bus with dead devices, many channels, many edges. */
export async function benchBus(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const bench of [benchTcp, benchRtu, benchCoalescing, benchDeadSlaves, benchScheduler, benchEdges, benchEdgeStorm]) {
    process.stderr.write(`${bench.name}\n`);
    rows.push(...(await bench()));
  }
  return rows;
}
