import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonSchema, type SchemaName } from '../../cli/schema.ts';

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

const TABLE: Readonly<Record<SchemaName, readonly string[]>> = JSON.parse(
  readFileSync(new URL('../data/config/keys.json', import.meta.url), 'utf8'),
);

/** Texts per language are one value of the table, not keys. */
const isTexts = (schema: JsonSchema) => Object.keys(schema.properties ?? {}).join(' ') === 'ca es en';

function keysOf(schema: JsonSchema, path: string): string[] {
  const under = (key: string) => (path === '' ? key : `${path}.${key}`);
  const own = isTexts(schema) ? [] : Object.entries(schema.properties ?? {});
  const { additionalProperties: free, items } = schema;
  return [
    ...own.flatMap(([key, child]) => [under(key), ...keysOf(child, under(key))]),
    ...(typeof free === 'object' ? [under('*'), ...keysOf(free, under('*'))] : []),
    ...(items && !Array.isArray(items) ? keysOf(items as JsonSchema, `${path}[]`) : []),
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((branch) => keysOf(branch, path)),
  ];
}

/** Every key that an editor can propose, with what it shows of it. */
function describedIn(schema: JsonSchema, path: string): (readonly [key: string, description: string | undefined])[] {
  const { additionalProperties: free, items } = schema;
  const parts = [...(typeof free === 'object' ? [free] : []), ...(Array.isArray(items) ? items : [items ?? []].flat())];
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, child]) => [
      [`${path}.${key}`, child.description] as const,
      ...describedIn(child, `${path}.${key}`),
    ]),
    ...[...parts, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((part) => describedIn(part as JsonSchema, path)),
  ];
}

describe('the schema for editors', () => {
  const gateway = JSON.parse(jsonSchema('gateway'));
  const devices = gateway.properties.devices;
  const device = devices.additionalProperties.properties;

  it('takes a number or a truth where a text belongs, as the checker does', () => {
    expect(device.via.type).toEqual(['string', 'number', 'boolean']);
    expect(gateway.properties.sentilo.properties.provider.type).toEqual(['string', 'number']);
    expect(device.every.type).toBe('string');
  });

  it('says of every key what it is', () => {
    const described = describedIn(gateway, '');
    expect(described.length).toBeGreaterThan(350);
    expect(described.filter(([, text = '']) => !/^[A-Z1`].*\.$/.test(text)).map(([key]) => key)).toEqual([]);
  });

  it('knows what ids and boards look like, and that a report is one of several', () => {
    expect(new RegExp(devices.propertyNames.pattern).test('Air-1')).toBe(false);
    expect(new RegExp(device.board.pattern).test('bme280@1')).toBe(true);
    expect(new RegExp(device.board.pattern).test('BME280')).toBe(false);
    expect(gateway.properties.defaults.properties.report.oneOf).toContainEqual({ required: ['mean_of'] });
  });
});

describe.each(['gateway', 'board'] as const)('the keys of a %s file', (name) => {
  const known = new Set(keysOf(JSON.parse(jsonSchema(name)) as JsonSchema, ''));

  it('are all known that the table of the format names', () => {
    expect(TABLE[name].filter((key) => !known.has(key))).toEqual([]);
  });

  it('are no others', () => {
    expect([...known].filter((key) => !TABLE[name].includes(key))).toEqual([]);
  });

  it('stand in the checked-in schema: `npm run -s barri -- schema NAME > config/schema/NAME.v1.schema.json` renews it', () => {
    const file = new URL(`../../config/schema/${name}.v1.schema.json`, import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(jsonSchema(name));
  });
});
