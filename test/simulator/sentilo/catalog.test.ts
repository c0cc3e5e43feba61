import { describe, expect, it } from 'vitest';
import { Access } from '../../../simulator/sentilo/access.ts';
import type { CityRequest } from '../../../simulator/sentilo/answer.ts';
import type { ComponentFields } from '../../../simulator/sentilo/catalog-body.ts';
import { mergedComponent, newComponent } from '../../../simulator/sentilo/catalog-merge.ts';
import { CatalogService } from '../../../simulator/sentilo/catalog-service.ts';
import { Entities } from '../../../simulator/sentilo/entities.ts';
import { Registry } from '../../../simulator/sentilo/registry.ts';
import { parseRequest } from '../../../simulator/sentilo/request.ts';
import { cityOf, NOW_MS, WORLD } from './support.ts';

const FORGET = { mishap: { kind: 'forget-sensors' } } as const;
const ONE = { observations: [{ value: '1' }] };
const NO_FIELDS: ComponentFields = {
  component: null,
  provider: null,
  location: null,
  componentType: null,
  componentDesc: null,
  componentPublicAccess: null,
  componentAdditionalInfo: null,
  componentTechnicalDetails: null,
  componentCreatedAt: null,
  componentUpdatedAt: null,
  coordinateSystem: null,
};

describe('a component (sentilo.md §1.6.2)', () => {
  it('is mobile without a location, static with one, and mobile again after an update that does not repeat it', () => {
    expect(newComponent('c', NO_FIELDS, 0)?.isMobile).toBe(true);
    const placed = newComponent('c', { ...NO_FIELDS, location: '1 2' }, 0);
    expect(placed?.isMobile).toBe(false);
    if (!placed) throw new Error('no component');
    expect(mergedComponent(placed, NO_FIELDS, 1)).toMatchObject({ isMobile: true, location: '1.0 2.0' });
    expect(mergedComponent(placed, { ...NO_FIELDS, location: '3 4' }, 1)).toMatchObject({ isMobile: false, location: '3.0 4.0' });
  });
});

describe('a registry that was lost (sentilo.md §1.5.10)', () => {
  const later = (ms: number) => ({ ...FORGET, nowMs: NOW_MS + ms });

  it('knows a sensor again after a PUT of its bare id and the next synchronisation, and no other', () => {
    const { ask } = cityOf();
    expect(ask('PUT', '/data/rec/s', ONE, later(0)).status).toBe(404);
    expect(ask('POST', '/catalog/rec', { sensors: [{ sensor: 's', type: 'noise' }] }, later(0)).status).toBe(400);
    expect(ask('GET', '/catalog/rec?component=s', '', later(40_000)).text).toContain('"sensor":"s"');
    expect(ask('PUT', '/data/rec/s', ONE, later(40_000)).status).toBe(404);
    expect(ask('PUT', '/catalog/rec', { sensors: [{ sensor: 's' }] }, later(40_000)).status).toBe(200);
    expect(ask('PUT', '/data/rec/s', ONE, later(69_999)).status).toBe(404);
    expect(ask('PUT', '/data/rec/s', ONE, later(70_000)).status).toBe(200);
    expect(ask('PUT', '/data/rec/t', ONE, later(70_000)).status).toBe(404);
  });

  it('is lost anew after it was there in between', () => {
    const { ask } = cityOf();
    ask('PUT', '/catalog/rec', { sensors: [{ sensor: 's' }] }, later(0));
    expect(ask('PUT', '/data/rec/s', ONE, later(30_000)).status).toBe(200);
    expect(ask('PUT', '/data/rec/t', ONE, { nowMs: NOW_MS + 31_000 }).status).toBe(200);
    expect(ask('PUT', '/data/rec/s', ONE, later(32_000)).status).toBe(404);
  });
});

describe('the catalogue', () => {
  it('lists any number of sensors at once', () => {
    const { ask } = cityOf();
    const sensors = Array.from({ length: 250 }, (_, at) => ({ sensor: `n${at}`, type: 'noise' }));
    expect(ask('POST', '/catalog/rec', { sensors }).status).toBe(200);
    expect(ask('GET', '/catalog/rec?type=noise').text.match(/"sensor":"n\d+"/g)).toHaveLength(250);
  });

  it('has room for a hundred thousand, and takes none of a request beyond that', () => {
    const { ask } = cityOf();
    const sensors = Array.from({ length: 99_998 }, (_, at) => ({ sensor: `n${at}`, type: 'noise', component: 'c' }));
    expect(ask('POST', '/catalog/rec', { sensors }).json.message).toMatch(/ SIE01-\d+$/);
    expect(ask('GET', '/catalog/rec?component=c').text).toBe('{}');
    expect(ask('POST', '/catalog/rec', { sensors: sensors.slice(1) }).status).toBe(200);
    expect(ask('POST', '/catalog/alert', { alerts: [{ id: 'X', name: 'x', type: 'EXTERNAL' }] }).json.code).toBe(500);
  });

  it('fails over an entry that is null, after everything that the API server checks', () => {
    const { ask } = cityOf();
    expect(ask('POST', '/catalog/rec', '{"sensors":[null]}').json.message).toMatch(/ SIE01-\d+$/);
    expect(ask('POST', '/catalog/rec', '{"sensors":[null]}', { token: 'writer-token' }).status).toBe(403);
  });

  it('tells the rest of the city of an alert, and that it is gone, after the delay', () => {
    const registry = new Registry(WORLD);
    const access = new Access(WORLD, new Entities(WORLD));
    const catalog = new CatalogService(WORLD, access, registry, () => NOW_MS);
    const [, rec] = WORLD.entities;
    if (!rec) throw new Error('no provider');
    const send = (method: string, body: string, nowMs: number) => {
      const request: CityRequest = { method, target: '/catalog/alert', headers: [], body: Buffer.from(body) };
      return catalog.handle(parseRequest(request, nowMs), rec, { nowMs });
    };
    send('POST', '{"alerts":[{"id":"X","name":"x","type":"EXTERNAL"}]}', NOW_MS);
    expect(registry.alert('X', NOW_MS + 29_999)).toBeUndefined();
    expect(registry.alert('X', NOW_MS + 30_000)).toEqual({ entity: 'rec', isActive: true, type: 'EXTERNAL' });
    send('DELETE', '', NOW_MS + 40_000);
    expect(registry.alert('X', NOW_MS + 69_999)).toBeDefined();
    expect(registry.alert('X', NOW_MS + 70_000)).toBeUndefined();
  });
});
