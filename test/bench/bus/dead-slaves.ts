import type { Fault } from '../../../simulator/faults.ts';
import { startSimulated } from '../../gateway/simulated-gateway.ts';
import type { Row } from '../row.ts';

const HOUR_MS = 3_600_000;
const EVERY_MS = 5_000;
const METERS = Array.from({ length: 10 }, (_, i) => `meter_${i + 1}`);
const site = (
  meters: readonly string[],
) => `buses: { meters: { type: modbus-rtu, port: "by-path:bench", baud: 9600, timeout: 300ms } }
devices:
${meters.map((id, i) => `  ${id}: { board: eastron-sdm120@1, via: meters, with: { unit: ${i + 1} }, every: 5s }`).join('\n')}
`;
/** What others do about a slave that does not answer: try again at once, each time with the whole timeout. */
const POLICIES = [
  { name: '300 ms, 3 tries at once', timeoutMs: 300, tries: 3 },
  { name: '1 s, 3 tries at once', timeoutMs: 1_000, tries: 3 },
] as const;

/** Ten meters each 5 s for an hour of simulated time, one and three of them dead: what that costs the others. */
export async function benchDeadSlaves(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const deadCount of [1, 3]) {
    const alone = await hour(METERS.slice(deadCount), 0);
    const some = await hour(METERS, deadCount);
    for (const { name, ...policy } of POLICIES) {
      const other = hourOf(policy, deadCount, alone.pollMs);
      const what = `${deadCount} of 10 slaves dead`;
      rows.push(
        {
          name: `${what}: lateness of the live ones, p99, more than without them`,
          value: some.lateMsP99 - alone.lateMsP99,
          unit: 'ms',
          against: name,
          baseline: other.lateMsP99,
          goal: 0.01,
        },
        {
          name: `${what}: bus time spent on them`,
          value: 100 * some.probeShare,
          unit: '%',
          against: name,
          baseline: 100 * other.deadShare,
          goal: 2,
        },
      );
    }
  }
  return rows;
}

/** The production gateway; the first of the meters are dead. */
async function hour(meters: readonly string[], deadCount: number) {
  const faults = meters
    .slice(0, deadCount)
    .map((device): Fault => ({ at: 'device', device, kind: 'silent', rate: 1, fromMs: 0, toMs: HOUR_MS }));
  const running = await startSimulated(site(meters), { faults });
  await running.clock.runUntil(HOUR_MS);
  const { measuring, buses } = running.gateway.status();
  await running.stop();
  const [bus] = buses;
  if (bus === undefined || measuring.lateMsP99 === undefined) throw new Error('nothing was measured');
  const pollMs = bus.roundMs / (meters.length - deadCount);
  return { lateMsP99: measuring.lateMsP99, probeShare: bus.probeMs / bus.forMs, pollMs };
}

/** A queue, first come first served, where a dead slave takes all of its tries in every round. */
function hourOf({ timeoutMs, tries }: { timeoutMs: number; tries: number }, deadCount: number, pollMs: number) {
  const late: number[] = [];
  let freeMs = 0;
  let deadMs = 0;
  const next = METERS.map(() => 0);
  for (;;) {
    const meter = next.indexOf(Math.min(...next));
    const dueMs = next[meter] as number;
    if (dueMs >= HOUR_MS) break;
    const startMs = Math.max(dueMs, freeMs);
    const isDead = meter < deadCount;
    const tookMs = isDead ? timeoutMs * tries : pollMs;
    if (isDead) deadMs += tookMs;
    else late.push(startMs - dueMs);
    freeMs = startMs + tookMs;
    // What is due while it is still being asked is left out.
    next[meter] = Math.max(dueMs + EVERY_MS, Math.ceil(freeMs / EVERY_MS) * EVERY_MS);
  }
  const sorted = late.toSorted((a, b) => a - b);
  const unhindered = pollMs * (METERS.length - deadCount - 1);
  const p99 = sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN;
  return { lateMsP99: Math.max(0, p99 - unhindered), deadShare: deadMs / Math.max(HOUR_MS, freeMs) };
}
