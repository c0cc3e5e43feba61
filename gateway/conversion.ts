import type { ChannelConfig, ConvertStep } from '../config/config.ts';

/** Probes differ: so much of the range may one be beyond its ends. One whose wire is cut or shorted is further away. */
const BEYOND_MAX = 0.25;

type Points = readonly (readonly [number, number])[];

/**
 * From what the driver gives to the value of the reading: the board's conversion and the site's calibration. A calibration by
 * points was measured with this very probe, so it takes the place of the board's points, and its raw values are what comes
 * there, which is what the driver gives where no step stands before; any other comes after the board's conversion. The ends that the board sets are kept in any case.
 */
export function conversionOf({ convert = [], calibrate }: Pick<ChannelConfig, 'convert' | 'calibrate'>): Conversion {
  const steps = calibrate === undefined ? convert : withCalibration(convert, calibrate);
  return (raw) => {
    let value = raw;
    let isBeyond = false;
    for (const step of steps) {
      isBeyond ||= 'clamp' in step && isFarBeyond(value, step.clamp);
      value = applied(value, step);
    }
    return { value, isBeyond };
  };
}

/** What becomes of a raw value, and whether it was so far beyond the ends of the board that no probe gives it which is in order. */
export type Conversion = (raw: number) => { readonly value: number; readonly isBeyond: boolean };

function isFarBeyond(value: number, [least, most]: readonly [number, number]): boolean {
  const slack = BEYOND_MAX * (most - least);
  return value < least - slack || value > most + slack;
}

function withCalibration(convert: readonly ConvertStep[], calibrate: ConvertStep): readonly ConvertStep[] {
  const own = 'points' in calibrate ? convert.findIndex((step) => 'points' in step) : -1;
  if (own >= 0) return convert.with(own, calibrate);
  const end = convert.findLastIndex((step) => !('clamp' in step)) + 1;
  return convert.toSpliced(end, 0, calibrate);
}

function applied(value: number, step: ConvertStep): number {
  if ('points' in step) return interpolated(value, step.points);
  if ('clamp' in step) return Math.min(Math.max(value, step.clamp[0]), step.clamp[1]);
  return value * step.scale + step.offset;
}

/** Straight lines through the points, continued beyond the first and the last; the raw values are in either order. */
function interpolated(raw: number, points: Points): number {
  const sorted = points.toSorted((a, b) => a[0] - b[0]);
  const index = sorted.findIndex(([x]) => raw <= x);
  const upper = Math.min(Math.max(index === -1 ? sorted.length - 1 : index, 1), sorted.length - 1);
  const [low, high] = [sorted[upper - 1], sorted[upper]];
  if (low === undefined || high === undefined) throw new Error('a line goes through at least two points');
  return low[1] + ((raw - low[0]) * (high[1] - low[1])) / (high[0] - low[0]);
}
