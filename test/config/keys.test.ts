import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonSchema, type SchemaName } from '../../cli/schema.ts';

interface JsonSchema {
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
