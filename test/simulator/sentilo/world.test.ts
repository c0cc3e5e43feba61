import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../../config/config.ts';
import { defaultWorld, loadWorld, worldForSite } from '../../../simulator/sentilo/world.ts';

const EXAMPLE = readFileSync(new URL('../../../examples/world.yaml', import.meta.url), 'utf8');
const SMALL = `schema: sentilo-world/v1
entities:
  - { id: rec, kind: provider, token: t }
`;

/** What each problem says and where, as `code severity line path`. */
function said(text: string): string[] {
  return loadWorld('world.yaml', text).problems.map(
    ({ code, severity, place, path }) => `${code} ${severity} ${place.line} ${path}`,
  );
}

describe('a world file', () => {
  it('gives the world of the example, and notes what this version does not act on', () => {
    const { world, problems } = loadWorld('examples/world.yaml', EXAMPLE);
    expect(world?.entities).toHaveLength(4);
    expect(world?.entities[1]).toEqual({
      id: 'makers-poblenou',
      kind: 'provider',
      token: 'demo-token',
      isActive: true,
      isHttpsOnly: false,
      quotaPerHour: 0,
      pushQuotaPerHour: 0,
    });
    expect(world?.permissions).toContainEqual({ source: 'street-console', target: 'makers-poblenou', type: 'WRITE' });
    expect(world?.permissions[2]).toEqual({ source: 'city-map', target: 'makers-poblenou', type: 'READ' });
    expect(world?.sensors).toEqual([
      {
        provider: 'makers-poblenou',
        sensor: 'carrer-demo-hall-temperature',
        state: 'online',
        component: 'carrer-demo',
        componentType: 'external_ambient_conditions',
        type: 'temperature',
        dataType: 'NUMBER',
        location: '41.4036 2.2038',
        isPublic: true,
      },
      expect.objectContaining({ sensor: 'carrer-demo-light-switch', type: 'status', dataType: 'BOOLEAN' }),
    ]);
    expect(world?.alerts).toEqual([{ id: 'PALLARS_LEAK', entity: 'makers-poblenou', type: 'EXTERNAL', isActive: true }]);
    expect(world?.settings).toEqual({
      rejectsUnknownSensors: true,
      bodyBytesMax: 0,
      quotaPerHour: 0,
      startingMs: 0,
      syncDelayMs: 30_000,
      tokenCacheMs: 60_000,
      pushRetries: 'documented',
    });
    expect(problems).toEqual([]);
  });

  it('needs no more than a schema and an entity', () => {
    const { world, problems } = loadWorld('world.yaml', SMALL);
    expect(problems).toEqual([]);
    expect(world).toMatchObject({ permissions: [], sensors: [], settings: { rejectsUnknownSensors: true } });
  });

  it('reads a token as it is written and lengths of time with their units', () => {
    const { world } = loadWorld('world.yaml', `${SMALL.replace('token: t', 'token: 0123')}settings: { starting: 1min30s }\n`);
    expect(world?.entities[0]?.token).toBe('0123');
    expect(world?.settings.startingMs).toBe(90_000);
  });

  it.each([
    ['an empty file', '', ['C004 error 1 ']],
    ['another schema', SMALL.replace('v1', 'v2'), ['C024 error 1 schema']],
    ['no entities', 'schema: sentilo-world/v1\n', ['C022 error 1 entities']],
    ['an unknown section', `${SMALL}sensor: []\n`, ['C021 error 4 sensor']],
    ['an unknown key of an entity', SMALL.replace('token: t', 'token: t, tokens: u'), ['C021 error 3 entities.0.tokens']],
    ['an unknown setting', `${SMALL}settings: { reject: true }\n`, ['C021 error 4 settings.reject']],
    ['a length without unit', `${SMALL}settings: { starting: 30 }\n`, ['C033 error 4 settings.starting']],
    ['a name given twice', `${SMALL}  - { id: rec, kind: provider, token: u }\n`, ['W001 error 4 entities.1.id']],
    ['a token given twice', `${SMALL}  - { id: two, kind: provider, token: t }\n`, ['W002 error 4 entities.1.token']],
    [
      'a permission for somebody unknown',
      `${SMALL}permissions:\n  - { source: rec, target: nobody, type: READ }\n`,
      ['W003 error 5 permissions.0.target'],
    ],
    [
      'a sensor of somebody unknown',
      `${SMALL}sensors:\n  - { provider: nobody, sensor: s, component: c, type: noise }\n`,
      ['W003 error 5 sensors.0.provider'],
    ],
    [
      'a type that is not in the list',
      `${SMALL}sensor_types: [noise]\nsensors:\n  - { provider: rec, sensor: s, component: c, type: nose }\n`,
      ['W004 error 6 sensors.0.type'],
    ],
  ])('with %s is refused and says where', (_, text, problems) => {
    expect(said(text)).toEqual(problems);
    expect(loadWorld('world.yaml', text).world).toBeUndefined();
  });

  it('that is missing leaves a provider who may publish anything', () => {
    expect(defaultWorld()).toMatchObject({
      entities: [{ id: 'makers-poblenou', token: 'demo-token' }],
      settings: { rejectsUnknownSensors: false },
    });
  });
});

describe('the world of a site', () => {
  const about = (sensor: string) => ({ sensor, component: 'hall', cityType: 'status' });
  const channel = (sensor: string, publish: boolean) => ({ ...about(sensor), publish });
  const devices = new Map([
    ['air', { channels: [channel('hall-air-temperature', true), channel('hall-air-raw', false)], outputs: [] }],
    ['door', { channels: [channel('hall-door-open', true)], outputs: [{ ...about('hall-door-lock'), location: '41 2' }] }],
  ]);

  it('knows the provider, its token and every sensor that the site publishes', () => {
    const config = {
      file: 'hall.yaml',
      sentilo: { provider: 'hall', ordersFrom: ['console', 'hall'] },
      devices,
    } as unknown as Config;
    const world = worldForSite(config, 'secret');
    expect(world.entities).toMatchObject([{ id: 'hall', kind: 'provider', token: 'secret', isActive: true }, { id: 'console' }]);
    // Who may order, beside the provider itself, can do so.
    expect(world.permissions).toEqual([{ source: 'console', target: 'hall', type: 'WRITE' }]);
    expect(world.sensors).toEqual([
      { provider: 'hall', sensor: 'hall-air-temperature', state: 'online', component: 'hall', type: 'status' },
      { provider: 'hall', sensor: 'hall-door-open', state: 'online', component: 'hall', type: 'status' },
      { provider: 'hall', sensor: 'hall-door-lock', state: 'online', component: 'hall', type: 'status', location: '41 2' },
    ]);
    expect(world.settings.rejectsUnknownSensors).toBe(true);
  });

  it('does not exist for a site that sends nothing', () => {
    expect(() => worldForSite({ file: 'hall.yaml', devices } as unknown as Config, 'secret')).toThrow('no section sentilo');
  });
});
