import type { ConvertStep } from '../config/config.ts';

/**
 * What a probe gives for a value: the steps of its board backwards. A value beyond the ends that the board sets gives what the
 * end does.
 */
export function unconverted(steps: readonly ConvertStep[], value: number): number {
  return steps.reduceRight((result, step) => {
    if ('clamp' in step) return Math.max(step.clamp[0], Math.min(result, step.clamp[1]));
    if ('scale' in step) return (result - step.offset) / step.scale;
    return alongLines(step.points, result);
  }, value);
}

/** The raw value that the lines through the points lead from; they rise or they fall. The outer lines go on. */
function alongLines(points: readonly (readonly [number, number])[], value: number): number {
  const rising = points.toSorted(([, a], [, b]) => a - b);
  for (const [index, [raw, shown]] of rising.entries()) {
    const next = rising[index + 1];
    if (next === undefined) break;
    const isLast = index + 2 === rising.length;
    if (value <= next[1] || isLast) return raw + ((value - shown) / (next[1] - shown)) * (next[0] - raw);
  }
  throw new Error('a conversion by points has at least two points');
}
