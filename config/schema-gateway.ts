import { z } from 'zod';
import { signal } from './schema-simulate.ts';
import {
  BOARD_REFERENCE,
  baud,
  block,
  cityId,
  cityOwnerId,
  dashedId,
  duration,
  fail,
  failOne,
  frequency,
  mapOf,
  metres,
  period,
  points,
  range,
  scale,
  secret,
  serialFormat,
  shortDuration,
  shortPeriod,
  size,
  syncInterval,
  text,
  texts,
  timeOfDay,
} from './schema-types.ts';

const boolean = z.boolean();

/** Where something stands: WGS84 degrees, height in metres above the ground. */
const location = block({
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  height: metres.optional(),
  place: z.enum(['indoor', 'outdoor']).optional(),
});

const timezone = z.string().superRefine((zone, context) => {
  if (!isTimezone(zone)) fail(context, 'C047', { written: zone });
});

function isTimezone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The journal. A pattern cannot compare numbers: an editor shows what it may be, and the checker refuses the rest. */
const buffer = block({
  keep: period.prefault('30d').meta({
    description: 'Readings that are older than this are deleted, unless the city still lacks them.',
  }),
  max_size: size.prefault('1GiB').meta({
    description:
      'The most that the journal takes on the disk, from 1MiB to 1024TiB. When it is full, old readings are thinned to five minutes, then dropped: those that the city has go first.',
  }),
  sync: syncInterval.prefault('1s').meta({
    description:
      'How often readings are made durable, from 1s to 60s. Longer spares the card; a power cut takes what was measured within that time. Alarms and orders never wait.',
  }),
}).prefault({});

const REPORT_KINDS = ['mean_of', 'max_of', 'min_of', 'last_of', 'on_change'] as const;

const report = block({
  mean_of: period.optional(),
  max_of: period.optional(),
  min_of: period.optional(),
  last_of: period.optional(),
  on_change: z.union([z.literal(true), z.number().min(0)]).optional(),
  at_least: period.optional(),
})
  .meta({ oneOf: REPORT_KINDS.map((kind) => ({ required: [kind] })) })
  .superRefine((value, context) => {
    const kinds = REPORT_KINDS.filter((kind) => value[kind] !== undefined);
    if (kinds.length !== 1) failOne(context, REPORT_KINDS, kinds, 'mean_of: 5min');
    else if (value.at_least !== undefined && value.on_change === undefined) {
      fail(context, 'C045', { case: 'key', key: 'at_least', kind: kinds[0], owner: 'on_change: true' }, ['at_least']);
    }
  });

const calibrate = block({
  offset: z.number().optional(),
  scale: scale.optional(),
  points: points.optional(),
  date: text.optional(),
  by: text.optional(),
  how: text.optional(),
}).superRefine((value, context) => {
  const isLinear = value.offset !== undefined || value.scale !== undefined;
  if (isLinear === (value.points !== undefined)) {
    const kinds = [value.scale === undefined ? 'offset' : 'scale', 'points'];
    failOne(context, ['offset', 'scale', 'points'], isLinear ? kinds : [], 'offset: -0.8');
  }
});

const reading = block({
  enabled: boolean.optional(),
  name: texts.optional(),
  publish: boolean.optional(),
  calibrate: calibrate.optional(),
  report: report.optional(),
  valid: range.optional(),
  max_step: block({ by: z.number().positive(), within: period }).optional(),
  flat_after: period.optional(),
  send_suspect: boolean.optional(),
  sentilo: block({ sensor: cityId.optional(), type: text.optional() }).optional(),
});

/** `on` and `off`; also true and false, so that a file that went through a YAML 1.1 tool still works. */
export const onOff = z.union([boolean, z.enum(['on', 'off'])]).transform((value) => value === true || value === 'on');

/** A load that may stay on says so in so many words. */
export const maxOn = z.union([z.literal('unlimited'), period]);

/** Whoever stands before the gateway, and the rules of its own file, may switch what nobody is named for. */
export const ORDERS_DEFAULT: readonly ('rules' | 'local' | 'sentilo' | 'mqtt' | 'web')[] = ['rules', 'local'];

/** `web` is what `local` was called once; load-site.ts warns about it. */
const orderSources = z.array(z.enum(['rules', 'local', 'sentilo', 'mqtt', 'web']));

const output = block({
  safe: onOff.optional(),
  max_on: maxOn.optional(),
  min_off: duration.optional(),
  never_with: z.array(text).optional(),
  orders: orderSources.optional(),
  expect: block({ reading: text, above: z.number().optional(), below: z.number().optional(), within: period }).optional(),
  on_lost_city: period.optional(),
  expiry: period.optional(),
  name: texts.optional(),
  enabled: boolean.optional(),
});

const device = block({
  board: text.meta({ pattern: BOARD_REFERENCE.source }),
  via: text,
  name: texts.optional(),
  every: period.optional(),
  enabled: boolean.default(true),
  with: mapOf(z.union([z.number(), boolean, z.string()])).optional(),
  readings: mapOf(reading).optional(),
  outputs: mapOf(output).optional(),
  component: cityId.optional(),
  location: location.optional(),
  simulate: mapOf(signal).optional(),
});

/** A name or an IPv4 address, or an IPv6 address with or without brackets: no scheme, no port. */
const HOST = /^(?:[A-Za-z0-9._-]+|\[?(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]+(?:%\w+)?\]?)$/;

const bus = z.discriminatedUnion('type', [
  block({ type: z.literal('i2c'), device: text.optional(), speed: frequency.prefault('100kHz') }),
  block({ type: z.literal('serial'), port: text }),
  block({
    type: z.literal('modbus-rtu'),
    port: text,
    baud: baud.default(9600),
    format: serialFormat.default('8N1'),
    timeout: shortPeriod.prefault('1s'),
    pause: shortDuration.prefault('0s'),
    echo: boolean.default(false),
  }),
  block({
    type: z.literal('modbus-tcp'),
    host: z.string().regex(HOST, 'C147'),
    tcp_port: z.int().min(1).max(65_535).default(502),
    timeout: shortPeriod.prefault('1s'),
    framing: z.enum(['tcp', 'rtu']).default('tcp'),
    connect_pause: shortDuration.prefault('0s'),
    in_flight: z.int().min(1).max(16).default(1),
  }).superRefine(({ framing, in_flight }, context) => {
    if (framing === 'rtu' && in_flight > 1) fail(context, 'C155', {}, ['in_flight']);
  }),
  block({ type: z.literal('onewire'), pin: text }),
  block({ type: z.literal('mqtt'), url: text, user: text.optional(), password: secret.optional(), ca: text.optional() }),
]);

const condition = block({ reading: text, above: z.number().optional(), below: z.number().optional() });

const rule = block({
  at: z.union([timeOfDay, z.array(timeOfDay).min(1)]).optional(),
  when: block({
    reading: text,
    above: z.number().optional(),
    below: z.number().optional(),
    for: duration.optional(),
    and_outputs_off: z.array(text).optional(),
  }).optional(),
  only_if: z.array(condition).optional(),
  do: block({
    output: text.optional(),
    set: onOff.optional(),
    for: period.optional(),
    alarm: text.optional(),
    say: texts.optional(),
  }).superRefine((action, context) => {
    const kinds = (['output', 'alarm'] as const).filter((kind) => action[kind] !== undefined);
    if (kinds.length !== 1) failOne(context, ['output', 'alarm'], kinds, 'output: fan.switch');
  }),
}).superRefine((value, context) => {
  const kinds = (['at', 'when'] as const).filter((kind) => value[kind] !== undefined);
  if (kinds.length !== 1) failOne(context, ['at', 'when'], kinds, 'at: "06:30"');
});

const sentilo = block({
  url: text,
  provider: cityOwnerId,
  token: secret,
  component: block({
    id: cityId.optional(),
    type: cityId.optional(),
    public: boolean.optional(),
    energy: text.optional(),
  }).optional(),
  catalog: z.enum(['check', 'apply', 'off']).default('check'),
  types: mapOf(text).optional(),
  send: block({ every: period.prefault('1s'), batch: z.int().min(1).max(100).default(100) }).prefault({}),
  backlog_older_than: z.union([z.literal('send'), block({ drop: period })]).optional(),
  orders_from: z.array(cityOwnerId).optional(),
  callback: block({
    url: text,
    secret,
    port: z.int().min(1).max(65_535).default(8088),
    listen: z.enum(['localhost', 'lan']).default('localhost'),
  }).optional(),
  alerts: mapOf(cityId).optional(),
  ca: text.optional(),
  insecure_http: boolean.default(false),
});

const mqtt = block({
  url: text,
  token: secret.optional(),
  user: text.optional(),
  password: secret.optional(),
  ca: text.optional(),
  topic: text.optional(),
  qos: z.int().min(0).max(2).optional(),
  discovery: z.enum(['home-assistant']).optional(),
});

/** A gateway file: what is plugged in where. The table of keys is in the documentation of the format. */
export const gatewaySchema = block({
  schema: z.literal('gateway/v1'),
  include: z.array(text).max(20).optional(),
  gateway: block({
    id: dashedId,
    name: texts.optional(),
    contact: text.optional(),
    tags: z.array(text).optional(),
    timezone: timezone.default('Europe/Madrid'),
    location: location.optional(),
  }),
  sentilo: sentilo.optional(),
  mqtt: mqtt.optional(),
  buffer,
  web: block({
    enabled: boolean.optional(),
    listen: z.enum(['localhost', 'lan']).optional(),
    port: z.int().min(1).max(65_535).optional(),
    languages: z.array(z.enum(['ca', 'es', 'en'])).optional(),
  }).optional(),
  defaults: block({ every: period.optional(), report: report.optional() }).optional(),
  buses: mapOf(bus).optional(),
  devices: mapOf(device).optional(),
  rules: mapOf(rule).optional(),
});

export type GatewayFile = z.output<typeof gatewaySchema>;
export type DeviceEntry = z.output<typeof device>;
export type BusEntry = z.output<typeof bus>;
export type ReadingEntry = z.output<typeof reading>;
export type ReportEntry = z.output<typeof report>;
export type RuleEntry = z.output<typeof rule>;
export type ConditionEntry = z.output<typeof condition>;
export type OutputEntry = z.output<typeof output>;
