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
  constant: z
    .union([z.number(), z.array(z.number()).min(1).max(3)])
    .optional()
    .describe('Always this value, in the unit of the reading; a place is latitude, longitude and height.'),
  wave: z
    .enum(['day', 'household', 'daylight'])
    .optional()
    .describe(
      'The course of a day: highest at 15:00 (`day`), morning and evening (`household`), or from 6:00 to 18:00 (`daylight`).',
    ),
  mean: z.number().optional().describe('Of a wave: its mean, in the unit of the reading; 0 where nothing is said.'),
  swing: z.number().optional().describe('Of a wave: how far it goes from its mean; 0 where nothing is said.'),
  peak: z.number().optional().describe('Of daylight: the value at noon, in place of `swing`.'),
  noise: z
    .number()
    .min(0)
    .optional()
    .describe('How far the value is off by chance at most, in the unit of the reading; 0 where nothing is said.'),
  walk: block({
    start: z.number().describe('Where it begins.'),
    step: z.number().min(0).describe('How far it goes in ten seconds at most.'),
    min: z.number().describe('It goes no lower.'),
    max: z.number().describe('It goes no higher.'),
  })
    .optional()
    .describe('A walk by chance between two limits, in the unit of the reading.'),
  sawtooth: block({
    high: z.number().describe('Where each fall begins.'),
    low: z.number().describe('Where it ends.'),
    period: duration.describe('How long each takes.'),
  })
    .optional()
    .describe('Falls evenly and jumps up again, as the moisture of soil; in the unit of the reading.'),
  bursts: block({
    per_day: z.number().min(0).describe('How many a day.'),
    minutes: z.number().min(0).describe('How many minutes each lasts.'),
    rate: z.number().optional().describe('The value meanwhile; 1 where nothing is said.'),
  })
    .optional()
    .describe('Nothing most of the time, and at times something, as rain.'),
  integrate: z.string().optional().describe('The sum over time of another reading of the device, as a meter shows it.'),
  start: z.number().optional().describe('Of `integrate`: where it begins; 0 where nothing is said.'),
  resets: z.enum(['daily']).optional().describe('Of `integrate`: it begins anew each day.'),
  ratio: z.tuple([z.string(), z.string()]).optional().describe('One reading of the device divided by another.'),
  scale: z.number().optional().describe('Of `ratio`: what it is multiplied by; 1 where nothing is said.'),
  follows: z.string().optional().describe('An output (`device.output`): the value goes by whether it is on.'),
  on: z.number().optional().describe('Of `follows`: the value while it is on; 1 where nothing is said.'),
  off: z.number().optional().describe('Of `follows`: the value while it is off; 0 where nothing is said.'),
  text: z
    .string()
    .max(TEXT_BYTES_MAX)
    .superRefine((text, context) => {
      if (text.length <= TEXT_BYTES_MAX && !isTextValue(text)) fail(context, 'C153');
    })
    .optional()
    .describe('This text, of a reading that shows one.'),
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
