import { z } from 'zod';
import { QUANTITIES, UNITS } from '../drivers/quantities.ts';
import { TEXT_BYTES_MAX } from '../drivers/reading.ts';
import { durationText } from './duration.ts';
import { maxOn, onOff } from './schema-gateway.ts';
import { signal } from './schema-simulate.ts';
import {
  baud,
  block,
  dashedId,
  duration,
  fail,
  failOne,
  mapOf,
  period,
  points,
  range,
  scale,
  serialFormat,
  shortDuration,
  shortPeriod,
  text,
  texts,
} from './schema-types.ts';

/** What a board needs at the place where it is plugged in. */
const NEEDS = ['i2c', 'serial', 'modbus', 'onewire', 'analog', 'digital_in', 'digital_out', 'mqtt', 'gateway'] as const;

const boolean = z.boolean();
const byte = z.int().min(0).max(255);
const register = z.int().min(0).max(65_535);
/** The first and the last register of a hole. */
const hole = z.tuple([register, register]).superRefine(([low, high], context) => {
  if (low > high) fail(context, 'C043', { low, high });
});

const FIXED_ENCODINGS = ['uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64', 'bool'] as const;
const fixedEncoding = z.enum(FIXED_ENCODINGS);
const encoding = z.enum([...FIXED_ENCODINGS, 'text']);
const byteOrder = z.enum(['ABCD', 'CDAB', 'BADC', 'DCBA']);
const readWith = z.enum(['input', 'holding', 'coil', 'discrete']);

/** A quantity or unit is checked in board-check.ts, against each other and with proposals; editors get the lists. */
const quantity = text.meta({ examples: [...QUANTITIES.keys()] });
const unit = text.meta({ examples: [...UNITS.keys()] });

/** What one register or one request for a coil can count to. */
const STEPS_MAX = 65_535;

/** A relay that its board switches off by itself: a time, in steps, is written with function 5 beside the coil. */
const onFor = block({
  coil: register.describe('Where the time is written with function 5, as a number of steps: the relay goes on at once.'),
  step: shortPeriod.describe('How long one step of that number is.'),
  most: period.describe('The longest time that the board takes there: a whole number of steps.'),
})
  .superRefine(({ step, most }, context) => {
    const count = Math.floor(most / step);
    const [written, least] = [durationText(most), durationText(step)];
    if (most !== count * step)
      fail(context, 'C146', { written, step: least, fits: durationText(Math.max(count, 1) * step) }, ['most']);
    else if (count > STEPS_MAX)
      fail(context, 'C025', { written, bound: 'most', of: 'number', amount: durationText(STEPS_MAX * step) }, ['most']);
  })
  .optional()
  .describe(
    'Of a relay at a coil whose board can switch it on for a time, and off by itself: an order away from `safe` is given that time, so that `max_on` is kept when the gateway dies.',
  );

/** The types that a parameter under `with:` can have. */
const PARAMETER_TYPES = [
  'i2c_address',
  'modbus_unit',
  'duration',
  'length',
  'voltage',
  'choice',
  'boolean',
  'integer',
  'number',
  'text',
  'onewire_rom',
] as const;

const parameterValue = z.union([z.number(), boolean, z.string()]);

const parameter = block({
  type: z.enum(PARAMETER_TYPES),
  default: parameterValue.optional(),
  choices: z.array(parameterValue).min(1).optional(),
  /** The least and the most of it, each written like its value. */
  valid: z.tuple([parameterValue, parameterValue]).optional(),
  required: boolean.optional(),
  example: parameterValue.optional(),
  help: texts.optional(),
  secret: boolean.optional(),
  private: boolean.optional(),
});

/** A number of a raw value, or the name of a register content that is no number. */
const rawValue = z.union([z.number(), z.enum(['NaN'])]);

/** One step on the way from what the device gives to the value: one of three kinds. */
const convertStep = block({
  points: points.optional(),
  clamp: range.optional(),
  scale: scale.optional(),
  offset: z.number().optional(),
}).superRefine((value, context) => {
  const isLinear = value.offset !== undefined || value.scale !== undefined;
  const found = [
    ...(isLinear ? [value.scale === undefined ? 'offset' : 'scale'] : []),
    ...(value.points === undefined ? [] : ['points']),
    ...(value.clamp === undefined ? [] : ['clamp']),
  ];
  if (found.length !== 1) failOne(context, ['offset', 'scale', 'points', 'clamp'], found, 'scale: 0.1');
});

const reading = block({
  quantity,
  unit,
  precision: z.number().positive().optional(),
  valid: range.optional(),
  kind: z.enum(['gauge', 'total', 'delta', 'rate', 'state', 'position']).default('gauge'),
  enabled: boolean.default(true),
  publish: boolean.default(true),
  convert: z.array(convertStep).min(1).optional(),
  calibrate_with: mapOf(block({ say: texts.optional() })).optional(),
  at: register.optional(),
  read_with: readWith.optional(),
  encoding: encoding.optional(),
  registers: z
    .int()
    .min(1)
    .max(TEXT_BYTES_MAX / 2)
    .optional()
    .meta({ description: 'Of `encoding: text`: how many registers the text takes, two characters each.' }),
  byte_order: byteOrder.optional(),
  bit: z.int().min(0).max(15).optional(),
  scale: scale.optional(),
  offset: z.number().optional(),
  scale_from: register.optional(),
  not_available: z.array(rawValue).optional(),
  rollover: z.number().positive().optional().meta({
    description:
      'Where the counter of the device begins anew, in the unit of the reading. Of `kind: total` the reading is what the counter shows; of `kind: delta` it is what the counter has gone on by since the reading before.',
  }),
  flat_after: duration.optional(),
  resets: z.enum(['daily']).optional(),
  per: z.enum(['tip', 'pulse']).optional(),
  scale_by: text.optional(),
  starts_at: text.optional(),
  reject: z.array(z.number()).optional(),
  reject_say: texts.optional(),
});

const probe = block({
  i2c_read: block({ register: byte, length: z.int().min(1).max(32) }).optional(),
  i2c_ack: boolean.optional(),
  i2c_address: z.int().min(0x08).max(0x77).optional(),
  i2c_command: register.optional(),
  length: z.int().min(1).max(255).optional(),
  crc: z.enum(['sensirion']).optional(),
  driver_probe: text.optional(),
  serial_listen: duration.optional(),
  serial_ask: z.array(byte).optional(),
  frame: block({ starts: z.array(byte), length: z.int().min(1).max(255).optional(), ends: z.array(byte).optional() }).optional(),
  text: text.optional(),
  firmata: text.optional(),
  usb: z.array(text).optional(),
  onewire_family: byte.optional(),
  modbus_read: block({ address: register }).optional(),
  and: block({ address: register, between: range }).optional(),
  between: range.optional(),
  equals: z.number().optional(),
  confidence: z.enum(['certain', 'likely', 'weak']).optional(),
  suggest: text.optional(),
  say: texts.optional(),
});

const PORT_KINDS = ['analog', 'digital', 'digital_in', 'digital_out'] as const;
const portKind = z.enum(PORT_KINDS);

const output = block({
  quantity,
  unit,
  safe: onOff.optional(),
  max_on: maxOn.optional(),
  min_off: duration.optional(),
  coil: register.optional(),
  on_for: onFor,
  register: register.optional(),
  on: register.optional(),
  off: register.optional(),
});

/** A board file: what a product is. The table of keys is in the documentation of the format. */
export const boardSchema = block({
  schema: z.literal('board/v1'),
  id: dashedId,
  version: z.string().regex(/^[0-9]+\.[0-9]+\.[0-9]+$/, 'C049'),
  status: z.enum(['verified', 'community']).default('community'),
  label: texts,
  vendor: text.optional(),
  needs: z.enum(NEEDS),
  driver: z.string().regex(/^[a-z][a-z0-9_-]*$/, 'C026'),
  wiring: z.array(block({ pin: text, to: text })).optional(),
  notes: z.array(block({ say: texts })).optional(),
  firmware: block({
    name: text,
    flash_with: text.optional(),
    mcu: text.optional(),
    bootloaders: z.array(text).optional(),
  }).optional(),
  provides: mapOf(
    z.union([portKind, block({ kind: portKind, coil: register.optional(), on_for: onFor, register: register.optional() })]),
  ).optional(),
  with: mapOf(parameter).optional(),
  serial: block({ baud, format: serialFormat.default('8N1') }).optional(),
  modbus: block({
    factory: block({ baud: baud.optional(), format: serialFormat.optional(), unit: byte.optional() }).optional(),
    read_with: readWith.optional(),
    write_with: z.enum(['single', 'multiple']).optional(),
    encoding: fixedEncoding.optional(),
    byte_order: byteOrder.optional(),
    max_registers: z.int().min(1).max(125).optional(),
    holes: z.array(hole).optional(),
    min_pause: shortDuration.optional(),
  }).optional(),
  readings: mapOf(reading).optional(),
  outputs: mapOf(output).optional(),
  readback: block({ every: duration, mismatch: z.enum(['rewrite', 'fault']).optional() }).optional(),
  uses: block({ clock: boolean.optional(), location: boolean.optional() }).optional(),
  timing: block({
    min_every: duration.optional(),
    warmup: duration.optional(),
    read_time: shortDuration.optional(),
    duty: block({ run: duration, per: z.enum(['every']).optional(), help: texts.optional() }).optional(),
    averaging: texts.optional(),
  }).optional(),
  identify: z.array(probe).optional(),
  simulate: mapOf(signal).optional(),
});

export type BoardFile = z.output<typeof boardSchema>;
export type ParameterEntry = z.output<typeof parameter>;
export type BoardReading = z.output<typeof reading>;
export type BoardOutput = z.output<typeof output>;

/** Whether a reading of this kind can be made of counted pulses. */
export function isPulseKind(kind: BoardReading['kind']): kind is 'delta' | 'total' | 'rate' {
  return kind === 'delta' || kind === 'total' || kind === 'rate';
}
