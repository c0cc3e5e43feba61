import type { Edge, FollowedLine } from '../../drivers/bus/followed-input.ts';
import type { Pull } from '../../drivers/bus/gpio.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { LineModel } from '../devices/model.ts';
import { activeFault } from '../faults.ts';
import type { PlacedModel, World } from './world.ts';

/** A wire that hangs free beside a motor: 2,667 edges a second. A number that has an end in binary. */
const STORM_LEVEL_MS = 0.375;

type InputSource = NonNullable<LineModel['drives']>;

/** What drives the pin. A device that is silent has its wire cut, and the pull decides; noise is a wire that nothing drives. */
export function inputSource(placed: PlacedModel<LineModel> | undefined, pull: Pull, world: World): InputSource {
  const idle = pull === 'up';
  const drives = placed?.model.drives;
  if (placed === undefined || drives === undefined) return { level: () => idle, nextChangeMs: () => undefined };
  const faults = world.faults.filter((fault) => fault.at === 'device').filter(({ device }) => device === placed.device);
  const cuts = faults.filter(({ kind }) => kind === 'silent');
  const storms = faults.filter(({ kind }) => kind === 'noise');
  const stormEdge = (atMs: number) => (Math.floor(atMs / STORM_LEVEL_MS) + 1) * STORM_LEVEL_MS;
  return {
    level: (atMs) => {
      if (activeFault(cuts, 'device', atMs) !== undefined) return idle;
      if (activeFault(storms, 'device', atMs) !== undefined) return Math.floor(atMs / STORM_LEVEL_MS) % 2 === 0;
      return drives.level(atMs);
    },
    nextChangeMs: (atMs) => {
      const inStorm = activeFault(storms, 'device', atMs) !== undefined;
      const borders = [...cuts, ...storms].flatMap((fault) => [fault.fromMs, fault.toMs]);
      const edges = [drives.nextChangeMs(atMs), ...(inStorm ? [stormEdge(atMs)] : []), ...borders];
      const next = Math.min(...edges.filter((edgeMs) => edgeMs !== undefined && edgeMs > atMs).map(Number));
      return Number.isFinite(next) ? next : undefined;
    },
  };
}

/** The edges of one line, as the kernel would tell them. */
export function simulatedLevel(source: InputSource, clock: Clock): FollowedLine {
  const look = async () => source.level(clock.monotonicMs());
  return { look, follow: ({ onEdge }, signal) => follow(source, clock, onEdge, signal) };
}

function follow(source: InputSource, clock: Clock, onEdge: (edge: Edge) => void, signal: AbortSignal): Promise<void> {
  let level = source.level(clock.monotonicMs());
  let cancel = () => {};
  const next = () => {
    const nowMs = clock.monotonicMs();
    const nextMs = source.nextChangeMs(nowMs);
    if (nextMs === undefined || signal.aborted) return;
    cancel = clock.timer(nextMs - nowMs, () => {
      const atMs = clock.monotonicMs();
      const isEdge = source.level(atMs) !== level;
      level = source.level(atMs);
      if (isEdge) onEdge({ level, atMs });
      next();
    });
  };
  next();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
