import { z } from 'zod';
import { isTextValue, TEXT_BYTES_MAX } from '../drivers/reading.ts';
import type { SignalConfig } from './config.ts';
import { block, duration, fail, failOne } from './schema-types.ts';

/** The words of which exactly one says what kind of signal it is. */
const KINDS = ['constant', 'wave', 'walk', 'sawtooth', 'bursts', 'integrate', 'ratio', 'follows', 'text'] as const;

/** The words that each kind takes beside its own. */
const COMPANIONS: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  constant: ['noise'],
  wave: ['mean', 'swing', 'noise', 'peak'],
  walk: [],
  sawtooth: ['noise'],
  bursts: [],
  integrate: ['start', 'resets'],
  ratio: ['scale'],
  follows: ['on', 'off'],
  text: [],
};

const shape = block({
  constant: z.union([z.number(), z.array(z.number()).min(1).max(3)]).optional(),
  wave: z.enum(['day', 'household', 'daylight']).optional(),
  mean: z.number().optional(),
  swing: z.number().optional(),
  peak: z.number().optional(),
  noise: z.number().min(0).optional(),
  walk: block({ start: z.number(), step: z.number().min(0), min: z.number(), max: z.number() }).optional(),
  sawtooth: block({ high: z.number(), low: z.number(), period: duration }).optional(),
  bursts: block({ per_day: z.number().min(0), minutes: z.number().min(0), rate: z.number().optional() }).optional(),
  integrate: z.string().optional(),
  start: z.number().optional(),
  resets: z.enum(['daily']).optional(),
  ratio: z.tuple([z.string(), z.string()]).optional(),
  scale: z.number().optional(),
  follows: z.string().optional(),
  on: z.number().optional(),
  off: z.number().optional(),
  text: z
    .string()
    .max(TEXT_BYTES_MAX)
    .superRefine((text, context) => {
      if (text.length <= TEXT_BYTES_MAX && !isTextValue(text)) fail(context, 'C153');
    })
    .optional(),
});

/** What a simulated reading shows. One block with one kind in it, so that a wrong word is named and not a whole block. */
export const signal = shape.transform((written, context): SignalConfig => {
  const kinds = KINDS.filter((kind) => written[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    failOne(context, KINDS, kinds, 'constant: 20');
    return z.NEVER;
  }
  const allowed: readonly string[] = [kind, ...COMPANIONS[kind], 'note'];
  for (const key of Object.keys(written))
    if (!allowed.includes(key)) fail(context, 'C045', { case: 'key', key, kind, allowed }, [key]);
  return toSignal(written);
});

function toSignal(written: z.output<typeof shape>): SignalConfig {
  const noise = written.noise ?? 0;
  if (written.constant !== undefined) return { type: 'constant', value: written.constant, noise };
  if (written.wave !== undefined) {
    // Daylight has a peak and goes down to zero, so it is a swing above nothing.
    return { type: 'wave', shape: written.wave, mean: written.mean ?? 0, swing: written.peak ?? written.swing ?? 0, noise };
  }
  if (written.walk)
    return { type: 'walk', start: written.walk.start, step: written.walk.step, min: written.walk.min, max: written.walk.max };
  if (written.sawtooth) {
    return { type: 'sawtooth', high: written.sawtooth.high, low: written.sawtooth.low, periodMs: written.sawtooth.period, noise };
  }
  if (written.bursts) {
    return { type: 'bursts', perDay: written.bursts.per_day, minutes: written.bursts.minutes, rate: written.bursts.rate ?? 1 };
  }
  if (written.integrate !== undefined) {
    const resets = written.resets === undefined ? {} : { resets: written.resets };
    return { type: 'integrate', reading: written.integrate, start: written.start ?? 0, ...resets };
  }
  if (written.text !== undefined) return { type: 'text', text: written.text };
  if (written.ratio) return { type: 'ratio', of: written.ratio, scale: written.scale ?? 1 };
  return { type: 'follows', output: written.follows ?? '', on: written.on ?? 1, off: written.off ?? 0 };
}
