import { z } from 'zod';
import { bus } from './schema-buses.ts';
import { signal } from './schema-simulate.ts';
import {
  BOARD_REFERENCE,
  block,
  cityId,
  cityOwnerId,
  dashedId,
  duration,
  fail,
  failOne,
  mapOf,
  metres,
  period,
  points,
  range,
  scale,
  secret,
  size,
  syncInterval,
  text,
  texts,
  timeOfDay,
} from './schema-types.ts';

const boolean = z.boolean();

/** Where something stands: WGS84 degrees, height in metres above the ground. */
const location = block({
  lat: z.number().min(-90).max(90).describe('Latitude in degrees of WGS84; north is positive.'),
  lon: z.number().min(-180).max(180).describe('Longitude in degrees of WGS84; east is positive.'),
  height: metres.optional().describe('Height above the ground, such as `2.5m`.'),
  place: z.enum(['indoor', 'outdoor']).optional().describe('Whether it stands inside or outside.'),
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
})
  .prefault({})
  .describe('What was measured and is kept on the disk.');

const REPORT_KINDS = ['mean_of', 'max_of', 'min_of', 'last_of', 'on_change'] as const;

const report = block({
  mean_of: period.optional().describe('One value for each such time: the mean of all that was measured in it.'),
  max_of: period.optional().describe('One value for each such time: the highest in it.'),
  min_of: period.optional().describe('One value for each such time: the lowest in it.'),
  last_of: period.optional().describe('One value for each such time: the last in it.'),
  on_change: z
    .union([z.literal(true), z.number().min(0)])
    .optional()
    .describe('A value when it has changed: at all (`true`), or by more than so much, in the unit of the reading.'),
  at_least: period.optional().describe('Beside `on_change`: a value after so long at the latest, changed or not.'),
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
  offset: z
    .number()
    .optional()
    .describe('What is added to the value after `scale`, in the unit of the reading; 0 where nothing is said.'),
  scale: scale.optional().describe('What the value is multiplied by; 1 where nothing is said.'),
  points: points
    .optional()
    .describe('Pairs of raw and true value, with straight lines between them, instead of `offset` and `scale`.'),
  date: text.optional().describe('The day of the calibration.'),
  by: text.optional().describe('Who calibrated it.'),
  how: text.optional().describe('What it was compared with.'),
}).superRefine((value, context) => {
  const isLinear = value.offset !== undefined || value.scale !== undefined;
  if (isLinear === (value.points !== undefined)) {
    const kinds = [value.scale === undefined ? 'offset' : 'scale', 'points'];
    failOne(context, ['offset', 'scale', 'points'], isLinear ? kinds : [], 'offset: -0.8');
  }
});

const reading = block({
  enabled: boolean.optional().describe('Whether it is read; as the board says where nothing is said.'),
  name: texts.optional().describe('What people call it, in one text or one for each language.'),
  publish: boolean
    .optional()
    .describe('Whether the city and the broker get it; as the board says where nothing is said. The journal has it in any case.'),
  calibrate: calibrate
    .optional()
    .describe('How what this device shows becomes the true value. The uncalibrated one is kept, too.'),
  report: report.optional().describe('Which values are kept and sent: one of the keys below; every value where nothing is said.'),
  valid: range
    .optional()
    .describe(
      'The lowest and the highest value that can be true, in the unit of the reading; what lies beyond is suspect. As the board says where nothing is said.',
    ),
  max_step: block({
    by: z.number().positive().describe('By how much a value may change, in the unit of the reading.'),
    within: period.describe('The time within which it may change by that.'),
  })
    .optional()
    .describe('A faster change is suspect.'),
  flat_after: period.optional().describe('A value that stays exactly the same for so long is suspect: the sensor hangs.'),
  send_suspect: boolean
    .optional()
    .describe('Whether suspect values are sent, too; no where nothing is said. The journal has them in any case.'),
  sentilo: block({
    sensor: cityId.optional().describe('Its id in the city; `<component>-<device>-<reading>` where nothing is said.'),
    type: text.optional().describe('Its type in the city; that of the quantity where nothing is said.'),
  })
    .optional()
    .describe('What it is in the city.'),
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
  safe: onOff
    .optional()
    .describe(
      'The state at start, at every stop and after a crash; as the board says where nothing is said. `on` is meant only with `max_on: unlimited` beside it.',
    ),
  max_on: maxOn
    .optional()
    .describe(
      'How long it may be on, whoever ordered it, then it goes back to safe; `unlimited` for a load that may stay on. As the board says where nothing is said.',
    ),
  min_off: duration
    .optional()
    .describe('How long it stays off before it may be on again; as the board says, else 0s, where nothing is said.'),
  never_with: z
    .array(text)
    .optional()
    .describe('Outputs (`device.output`) that are never on together with it; it is enough that one of the two says so.'),
  orders: orderSources
    .optional()
    .describe('Whose orders it takes: `rules`, `local`, `sentilo`, `mqtt`; `[rules, local]` where nothing is said.'),
  expect: block({
    reading: text.describe('The reading (`device.reading`) that shows it.'),
    above: z.number().optional().describe('It has to be above this, in the unit of the reading.'),
    below: z.number().optional().describe('It has to be below this, in the unit of the reading.'),
    within: period.describe('So long after the output moved at the latest; longer than the time between two values.'),
  })
    .optional()
    .describe('What shows that it works while it is on; otherwise it goes back to safe, and that is told.'),
  on_lost_city: period
    .optional()
    .describe(
      'How long it stays as an order from afar has set it while none could come from there; 15min where nothing is said.',
    ),
  expiry: period.optional().describe('An order of the city that is older is not carried out; 2min where nothing is said.'),
  name: texts.optional().describe('What people call it, in one text or one for each language.'),
  enabled: boolean.optional().describe('Whether it is used; yes where nothing is said.'),
});

const device = block({
  board: text
    .meta({ pattern: BOARD_REFERENCE.source })
    .describe('The product, with the major of its version, such as `bme280@1`; `barri board list` shows all.'),
  via: text.describe(
    'Where it is plugged in: a bus, a pin (`gpio.pin11`, `gpio.17`), a port of another device (`adc.ain0`), or `gateway`.',
  ),
  name: texts
    .optional()
    .describe('What people call it, in one text or one for each language; what the board is called where nothing is said.'),
  every: period.optional().describe('How often it is read; as `defaults.every` where nothing is said.'),
  enabled: boolean.default(true).describe('Whether it is used.'),
  with: mapOf(z.union([z.number(), boolean, z.string()]))
    .optional()
    .describe('Parameters of the board, such as an address; `barri board show` names them.'),
  readings: mapOf(reading).optional().describe('What is different for its readings, by their ids in the board.'),
  outputs: mapOf(output).optional().describe('What is different for its outputs, by their ids in the board.'),
  component: cityId
    .optional()
    .describe('The component of the city that its sensors belong to; that of the gateway where nothing is said.'),
  location: location.optional().describe('Where it stands, where that is not at the gateway.'),
  simulate: mapOf(signal)
    .optional()
    .describe('What its readings show in a simulation, by their ids; as the board says where nothing is said.'),
});

const conditionKeys = {
  reading: text.describe('The reading (`device.reading`) that it goes by.'),
  above: z.number().optional().describe('It holds above this, in the unit of the reading; of yes and no, yes is 1.'),
  below: z.number().optional().describe('It holds below this, in the unit of the reading.'),
};

const condition = block(conditionKeys);

const rule = block({
  at: z
    .union([timeOfDay, z.array(timeOfDay).min(1)])
    .optional()
    .describe('The rule fires at this time of day, or at each of several, in the time zone of the site.'),
  when: block({
    ...conditionKeys,
    for: duration.optional().describe('How long it has to hold before the rule fires; 0s where nothing is said.'),
    and_outputs_off: z.array(text).optional().describe('Outputs (`device.output`) that all have to be off meanwhile.'),
  })
    .optional()
    .describe('The rule fires when this has held, and again only after it has ceased to hold.'),
  only_if: z.array(condition).optional().describe('All of these have to hold at that moment, or the rule does nothing.'),
  do: block({
    output: text.optional().describe('The output (`device.output`) that is set.'),
    set: onOff.optional().describe('What it is set to: `on` or `off`.'),
    for: period
      .optional()
      .describe('How long it stays so, then it goes back to safe; until `max_on` or another order where nothing is said.'),
    alarm: text
      .optional()
      .describe('The alarm that is raised, instead of an output; with `when` it ends when that has ceased to hold.'),
    say: texts.optional().describe('What the alarm says to people; its name where nothing is said.'),
  })
    .superRefine((action, context) => {
      const kinds = (['output', 'alarm'] as const).filter((kind) => action[kind] !== undefined);
      if (kinds.length !== 1) failOne(context, ['output', 'alarm'], kinds, 'output: fan.switch');
    })
    .describe('What the rule does: it sets an output or raises an alarm.'),
}).superRefine((value, context) => {
  const kinds = (['at', 'when'] as const).filter((kind) => value[kind] !== undefined);
  if (kinds.length !== 1) failOne(context, ['at', 'when'], kinds, 'at: "06:30"');
});

const sentilo = block({
  url: text.describe('Address of the city, without a path of its services, such as https://sentilo.example.cat.'),
  provider: cityOwnerId.describe(
    'The id of the provider that the readings belong to there; `tenant@id` in a city of several tenants.',
  ),
  token: secret.describe('The secret that holds the token of the provider.'),
  component: block({
    id: cityId.optional().describe('Its id; that of the gateway where nothing is said.'),
    type: cityId.optional().describe('Its type, one that the city knows, such as `solenoid_valve`.'),
    public: boolean.optional().describe('Whether the city shows it to everybody.'),
    energy: text.optional().describe('How it is fed: 220VAC, 12_24_VDC, 185_230_V, AUT_BAT or SOLAR_BAT.'),
  })
    .optional()
    .describe('The component of the city that the sensors of this gateway belong to.'),
  catalog: z
    .enum(['check', 'apply', 'off'])
    .default('check')
    .describe('What is done about the catalogue of the city: look only, create and change what is missing, or neither.'),
  types: mapOf(text).optional().describe('The type in the city for each quantity where it is not the usual one.'),
  send: block({
    every: period.prefault('1s').describe('How often at most something is sent.'),
    batch: z.int().min(1).max(100).default(100).describe('How many readings at most are in one request.'),
  })
    .prefault({})
    .describe('How readings are sent.'),
  backlog_older_than: z
    .union([z.literal('send'), block({ drop: period.describe('Readings that are older than this are not sent.') })])
    .optional()
    .describe('What is done with old readings after an outage: they are sent. Not active yet.'),
  orders_from: z
    .array(cityOwnerId)
    .optional()
    .describe('Ids of the applications and providers whose orders are carried out; nobody where nothing is said.'),
  callback: block({
    url: text.describe('The address under which the city reaches this gateway.'),
    secret: secret.describe('The secret that the city signs its pushes with.'),
    port: z.int().min(1).max(65_535).default(8088).describe('The port of this machine that they come to.'),
    listen: z
      .enum(['localhost', 'lan'])
      .default('localhost')
      .describe('Whether they come from a proxy on this machine, or over the network.'),
  })
    .optional()
    .describe('Where the city pushes orders to; without it they are asked for every ten seconds.'),
  alerts: mapOf(cityId)
    .optional()
    .describe(
      'The id of an alert in the city for each alarm that it is told of: those of rules, and silent, output_fault, buffer_filling and disk.',
    ),
  ca: text.optional().describe('Path of a PEM file: the certificate authority of a city that has one of its own.'),
  insecure_http: boolean
    .default(false)
    .describe('Whether readings and token may go over plain HTTP; to this machine itself they always may.'),
});

const mqtt = block({
  url: text.describe('Address of the broker: mqtts://host or mqtt://host, with its port where that is another one than usual.'),
  token: secret
    .optional()
    .describe('The secret that holds a token, which is sent as the user name; instead of `user` and `password`.'),
  user: text.optional().describe('User name there.'),
  password: secret.optional().describe('The secret that holds the password.'),
  ca: text.optional().describe('Path of a PEM file: the certificate authority of a broker that has one of its own.'),
  topic: text.optional().describe('The topic of a reading; `barri/{gateway}/{device}/{reading}` where nothing is said.'),
  qos: z
    .int()
    .min(0)
    .max(2)
    .optional()
    .describe('1, or 2; 1 where nothing is said. 0 is refused: nothing would be known of what arrives.'),
  discovery: z.enum(['home-assistant']).optional().describe('Who is told what there is, so that it appears there by itself.'),
});

/** A gateway file: what is plugged in where. The table of keys is in the documentation of the format. */
export const gatewaySchema = block({
  schema: z.literal('gateway/v1').describe('What kind of file this is; its first line.'),
  include: z
    .array(text)
    .max(20)
    .optional()
    .describe('Files that are merged under this one, by path from here; what stands here wins.'),
  gateway: block({
    id: dashedId.describe(
      'The name of this gateway: small letters, digits and `-`. It is the component in the city where nothing else is said.',
    ),
    name: texts.optional().describe('What people call it, in one text or one for each language.'),
    contact: text.optional().describe('Whom to ask about it.'),
    tags: z.array(text).optional().describe('Words to find it by.'),
    timezone: timezone.default('Europe/Madrid').describe('The time zone of its rules and of its days.'),
    location: location.optional().describe('Where it stands.'),
  }).describe('What this gateway is.'),
  sentilo: sentilo.optional().describe('The city that gets the readings; without it none does.'),
  mqtt: mqtt.optional().describe('A broker of MQTT 5 that gets the readings, too.'),
  buffer,
  web: block({
    enabled: boolean.optional().describe('Whether there is a page for this gateway. Not active yet.'),
    listen: z.enum(['localhost', 'lan']).optional().describe('Who can see it: this machine, or its network. Not active yet.'),
    port: z.int().min(1).max(65_535).optional().describe('Its port. Not active yet.'),
    languages: z
      .array(z.enum(['ca', 'es', 'en']))
      .optional()
      .describe(
        'The languages of the people here, the first of them first; alarms and Home Assistant go by them. Where nothing is said they are those of the name of the gateway, and where that has none, `[ca, es, en]`.',
      ),
  })
    .optional()
    .describe('The local page, and the languages of the site.'),
  defaults: block({
    every: period.optional().describe('How often a device is read; 60s where nothing is said.'),
    report: report.optional().describe('Which values are kept and sent; every value where nothing is said.'),
  })
    .optional()
    .describe('What is so for every device that says nothing else.'),
  buses: mapOf(bus)
    .optional()
    .describe('What devices are wired to, by ids of your own; `gpio` and `gateway` are there by themselves.'),
  devices: mapOf(device)
    .optional()
    .describe('What is plugged in, by ids of your own. They are also in the ids of sensors in the city.'),
  rules: mapOf(rule).optional().describe('What the gateway does by itself, by ids of your own.'),
});

export type GatewayFile = z.output<typeof gatewaySchema>;
export type DeviceEntry = z.output<typeof device>;
export type BusEntry = z.output<typeof bus>;
export type ReadingEntry = z.output<typeof reading>;
export type ReportEntry = z.output<typeof report>;
export type RuleEntry = z.output<typeof rule>;
export type ConditionEntry = z.output<typeof condition>;
export type OutputEntry = z.output<typeof output>;
