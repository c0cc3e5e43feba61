import { z } from 'zod';
import type { Config, OutputConfig } from '../../config/config.ts';
import type { Problem } from '../../config/problem.ts';
import { cityId, cityOwnerId, duration, fail } from '../../config/schema-types.ts';
import { validate } from '../../config/validate.ts';
import { parseYaml, type YamlDocument } from '../../config/yaml-document.ts';

/** A provider or an application: who may call the city. */
export interface Entity {
  readonly id: string;
  readonly kind: 'provider' | 'application';
  readonly token: string;
  /** An inactive one's token is unknown. */
  readonly isActive: boolean;
  /** Admitted only with `X-Forwarded-Proto: https`. */
  readonly isHttpsOnly: boolean;
  /** Requests an hour; 0 = no limit. */
  readonly quotaPerHour: number;
  /** Pushes to it an hour; 0 or absent = no limit. */
  readonly pushQuotaPerHour?: number;
}

/** What one entity may do with what belongs to another. */
export interface Permission {
  readonly source: string;
  readonly target: string;
  readonly type: 'READ' | 'WRITE' | 'ADMIN';
}

/** A sensor as the catalogue holds it. */
export interface WorldSensor {
  readonly provider: string;
  readonly sensor: string;
  readonly state: 'online' | 'offline' | 'ghost';
  /** By default the sensor's own name. */
  readonly component?: string;
  readonly componentType?: string;
  readonly type?: string;
  readonly dataType?: string;
  readonly unit?: string;
  /** Of its component, `lat lng`; without one that is mobile. */
  readonly location?: string;
  readonly isPublic?: boolean;
}

export interface WorldAlert {
  readonly id: string;
  readonly entity: string;
  readonly type: 'EXTERNAL' | 'INTERNAL';
  readonly isActive: boolean;
}

/** What a simulated Sentilo knows when it starts, as far as the city acts on it. */
export interface World {
  readonly entities: readonly Entity[];
  readonly permissions: readonly Permission[];
  readonly sensors: readonly WorldSensor[];
  readonly alerts: readonly WorldAlert[];
  /** Undefined: any type is known. */
  readonly sensorTypes?: readonly string[];
  readonly componentTypes?: readonly string[];
  readonly settings: {
    readonly rejectsUnknownSensors: boolean;
    /** Bytes; 0 = no limit. */
    readonly bodyBytesMax: number;
    /** Of the whole city, requests an hour; 0 = no limit. */
    readonly quotaPerHour: number;
    /** 503 for so long after the start. */
    readonly startingMs: number;
    /** From a change in the catalogue until data, orders and alarms follow it. */
    readonly syncDelayMs: number;
    /** From a change of an entity until its token counts as the change says. */
    readonly tokenCacheMs: number;
    /** What becomes of a push that failed: it is tried again, or, as the released code does it, never delivered. */
    readonly pushRetries: 'documented' | 'coded';
  };
}

/** The catalogue's own application, which every Sentilo has. */
export const CATALOG_ID = 'sentilo-catalog';

/** The provider of the world that a city has without a world file. */
const DEFAULT_PROVIDER = 'makers-poblenou';

/** How long the catalogue's job sleeps between two runs. */
const SYNC_DELAY_MS = 30_000;

/** How long the API server keeps tokens and permissions in memory. */
const TOKEN_CACHE_MS = 60_000;

const count = z.int().min(0);

const entity = z.strictObject({
  id: cityOwnerId,
  kind: z.enum(['provider', 'application']),
  token: z.string().min(1),
  active: z.boolean().default(true),
  https_only: z.boolean().default(false),
  quota_in: count.default(0),
  quota_out: count.default(0),
});

const sensor = z.strictObject({
  provider: cityOwnerId,
  sensor: cityId,
  component: cityId,
  component_type: z.string().optional(),
  type: z.string(),
  data_type: z
    .enum(['BOOLEAN', 'NUMBER', 'TEXT', 'LINK', 'AUDIO_LINK', 'IMAGE_LINK', 'VIDEO_LINK', 'FILE_LINK', 'JSON'])
    .optional(),
  unit: z.string().optional(),
  state: z.enum(['online', 'offline', 'ghost']).default('online'),
  location: z.string().optional(),
  public: z.boolean().optional(),
});

const alert = z.strictObject({
  id: cityId,
  entity: cityOwnerId,
  type: z.enum(['EXTERNAL', 'INTERNAL']),
  active: z.boolean().default(true),
});

const settings = z.strictObject({
  reject_unknown: z.boolean().default(true),
  max_body: count.default(0),
  global_quota: count.default(0),
  starting: duration.default(0),
  sync_delay: duration.default(SYNC_DELAY_MS),
  token_cache: duration.default(TOKEN_CACHE_MS),
  push_retries: z.enum(['documented', 'coded']).default('documented'),
});

const worldFile = z
  .strictObject({
    schema: z.literal('sentilo-world/v1'),
    entities: z.array(entity).min(1),
    permissions: z
      .array(z.strictObject({ source: cityOwnerId, target: cityOwnerId, type: z.enum(['READ', 'WRITE', 'ADMIN']) }))
      .default([]),
    sensor_types: z.array(z.string()).optional(),
    component_types: z.array(z.string()).optional(),
    sensors: z.array(sensor).default([]),
    alerts: z.array(alert).default([]),
    settings: settings.prefault({}),
  })
  .superRefine(checkNames);

type WorldFile = z.output<typeof worldFile>;

/**
 * Reads a world file (schema sentilo-world/v1). `world` is undefined when a problem is an error.
 *
 * @param file the name that places carry
 */
export function loadWorld(file: string, text: Uint8Array | string): { world?: World; problems: readonly Problem[] } {
  const document = parseYaml(file, text);
  const { value, problems } = validate(document, worldFile);
  const all = [...document.problems, ...problems];
  if (value === undefined || all.some((problem) => problem.severity === 'error')) return { problems: all };
  return { world: worldOf(value), problems: all };
}

/** What is wrong with a world file beside its YAML. */
export function checkWorldDocument(document: YamlDocument): readonly Problem[] {
  return validate(document, worldFile).problems;
}

/** A world in which a site's gateway may publish: its provider, its token, and every sensor that it publishes. */
export function worldForSite(config: Config, token: string): World {
  if (!config.sentilo) throw new Error(`${config.file} has no section sentilo: there is nobody to simulate`);
  const { provider, ordersFrom } = config.sentilo;
  const answersOf = ({ answers, component, location }: OutputConfig) =>
    answers === undefined ? [] : [{ ...answers, component, location }];
  const sensors = [...config.devices.values()].flatMap(({ channels, outputs }) =>
    [...channels.filter(({ publish }) => publish), ...outputs, ...outputs.flatMap(answersOf)].map(
      ({ sensor, component, cityType: type, location }): WorldSensor => ({
        ...{ provider, sensor, state: 'online', component, type },
        ...(location !== undefined && { location }),
      }),
    ),
  );
  const world = worldOfProvider(provider, token, { sensors, rejectsUnknownSensors: true });
  const applications = ordersFrom.filter((id) => id !== provider);
  return {
    ...world,
    entities: [...world.entities, ...applications.map((id) => entityOf(id, 'application', simulatedTokenOf(id)))],
    permissions: applications.map((source) => ({ source, target: provider, type: 'WRITE' })),
  };
}

/** The token of an application that a site names, in a world that is made for that site. */
export function simulatedTokenOf(application: string): string {
  return `${application}-token`;
}

/** The world without a world file: one provider with the token `demo-token`, who may publish any sensor. */
export function defaultWorld(): World {
  return worldOfProvider(DEFAULT_PROVIDER, 'demo-token', { sensors: [], rejectsUnknownSensors: false });
}

function worldOfProvider(
  id: string,
  token: string,
  { sensors, rejectsUnknownSensors }: { readonly sensors: readonly WorldSensor[]; readonly rejectsUnknownSensors: boolean },
): World {
  return {
    entities: [entityOf(id, 'provider', token)],
    permissions: [],
    sensors,
    alerts: [],
    settings: {
      rejectsUnknownSensors,
      bodyBytesMax: 0,
      quotaPerHour: 0,
      startingMs: 0,
      syncDelayMs: SYNC_DELAY_MS,
      tokenCacheMs: TOKEN_CACHE_MS,
      pushRetries: 'documented',
    },
  };
}

function entityOf(id: string, kind: Entity['kind'], token: string): Entity {
  return { id, kind, token, isActive: true, isHttpsOnly: false, quotaPerHour: 0 };
}

function worldOf(file: WorldFile): World {
  return {
    entities: file.entities.map(({ id, kind, token, active, https_only, quota_in, quota_out }) => ({
      id,
      kind,
      token,
      isActive: active,
      isHttpsOnly: https_only,
      quotaPerHour: quota_in,
      pushQuotaPerHour: quota_out,
    })),
    permissions: file.permissions,
    sensors: file.sensors.map(worldSensorOf),
    alerts: file.alerts.map(({ id, entity, type, active }) => ({ id, entity, type, isActive: active })),
    ...(file.sensor_types && { sensorTypes: file.sensor_types }),
    ...(file.component_types && { componentTypes: file.component_types }),
    settings: {
      rejectsUnknownSensors: file.settings.reject_unknown,
      bodyBytesMax: file.settings.max_body,
      quotaPerHour: file.settings.global_quota,
      startingMs: file.settings.starting,
      syncDelayMs: file.settings.sync_delay,
      tokenCacheMs: file.settings.token_cache,
      pushRetries: file.settings.push_retries,
    },
  };
}

function worldSensorOf(file: WorldFile['sensors'][number]): WorldSensor {
  const { provider, sensor, state, component, type, unit, location } = file;
  return {
    ...{ provider, sensor, state, component, type },
    ...(file.component_type !== undefined && { componentType: file.component_type }),
    ...(file.data_type !== undefined && { dataType: file.data_type }),
    ...(unit !== undefined && { unit }),
    ...(location !== undefined && { location }),
    ...(file.public !== undefined && { isPublic: file.public }),
  };
}

/** A name is given once, and whatever is referred to is declared. */
function checkNames(world: z.output<z.ZodObject>, context: z.core.$RefinementCtx): void {
  const { entities, permissions, sensors, alerts, sensor_types, component_types } = world as unknown as WorldFile;
  const ids = entities.map((one) => one.id);
  const unknown = (list: readonly string[] | undefined, name: string | undefined) =>
    list && name !== undefined && !list.includes(name);
  entities.forEach(({ id, token }, at) => {
    if (ids.indexOf(id) < at) fail(context, 'W001', { id }, ['entities', at, 'id']);
    if (entities.findIndex((one) => one.token === token) < at) fail(context, 'W002', { id }, ['entities', at, 'token']);
  });
  permissions.forEach((one, at) => {
    for (const key of ['source', 'target'] as const) {
      if (unknown(ids, one[key])) fail(context, 'W003', { name: one[key], known: ids }, ['permissions', at, key]);
    }
  });
  sensors.forEach((one, at) => {
    const same = sensors.findIndex((other) => other.provider === one.provider && other.sensor === one.sensor);
    if (same < at) fail(context, 'W001', { id: one.sensor }, ['sensors', at, 'sensor']);
    if (unknown(ids, one.provider)) fail(context, 'W003', { name: one.provider, known: ids }, ['sensors', at, 'provider']);
    if (unknown(sensor_types, one.type)) fail(context, 'W004', { name: one.type, list: 'sensor_types' }, ['sensors', at, 'type']);
    if (unknown(component_types, one.component_type)) {
      fail(context, 'W004', { name: String(one.component_type), list: 'component_types' }, ['sensors', at, 'component_type']);
    }
  });
  alerts.forEach((one, at) => {
    if (unknown(ids, one.entity)) fail(context, 'W003', { name: one.entity, known: ids }, ['alerts', at, 'entity']);
  });
}
