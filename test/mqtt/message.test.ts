import { describe, expect, it } from 'vitest';
import type { Value } from '../../drivers/reading.ts';
import { fateOf } from '../../gateway/mqtt/message.ts';
import { topicsOf } from '../../gateway/mqtt/topics.ts';
import type { Observation } from '../../gateway/record.ts';
import type { TimeOf } from '../../gateway/uplink/entry.ts';
import { observation } from '../uplink/support.ts';

const known: TimeOf = ({ wallMs }) => ({ kind: 'known', ms: wallMs });

function payload(value: Value, more: Partial<Observation> = {}): string {
  const fate = fateOf({ sequence: 42, record: observation('s', 0, value, { channel: 'air.t', unit: 'Cel', ...more }) }, known);
  return fate.kind === 'send' ? fate.payload : fate.kind;
}

describe('the message of an observation', () => {
  it('says which it is, when it was, what it is and in which unit', () => {
    expect(payload(21.504)).toBe('{"id":"boot-42","time":"2026-11-25T12:00:00.000Z","value":21.5,"unit":"Cel"}');
  });

  it.each([
    [36.300000000000004, { precision: 0.1 }, 36.3],
    [1e21, { precision: 1 }, 1e21],
    [-0.001, { precision: 0.01 }, 0],
    [true, { unit: '{state}' }, true],
    [false, { unit: '{state}' }, false],
    ['a "b"\\', { unit: '{text}' }, 'a "b"\\'],
    ['Sensor nº 3 «pati» 日本', { unit: '{text}' }, 'Sensor nº 3 «pati» 日本'],
  ])('is JSON that holds %s as it is worth', (value, more, expected) => {
    expect(JSON.parse(payload(value, more)).value).toEqual(expected);
  });

  it('has no unit where there is none', () => {
    for (const unit of ['{state}', '{text}', '1']) expect(payload(1, { unit })).not.toContain('unit');
  });

  it('says where it was taken, and that it is doubted', () => {
    const json = JSON.parse(payload(1, { location: '41.4 2.1', quality: 'suspect' }));
    expect(json).toMatchObject({ location: '41.4 2.1', quality: 'suspect' });
  });

  it('has the same id at another place in the journal', () => {
    expect(JSON.parse(payload(1, { heldFrom: 7 })).id).toBe('boot-7');
    expect(JSON.parse(payload(1, { heldFrom: 9, firstPlace: 7 })).id).toBe('boot-7');
  });

  it.each([
    [Number.NaN, {}],
    [Number.NEGATIVE_INFINITY, {}],
    [1, { precision: 0 }],
    ['a\u0007b', {}],
    ['x'.repeat(200), {}],
    [1, { wallMs: 3_000 }],
  ])('is none for %s with %o', (value, more) => {
    expect(payload(value, more)).toBe('unfit');
  });

  it('is none for what stays here', () => {
    expect(payload(1, { publish: false })).toBe('pass');
  });
});

it('gives every thing a topic of its own, all under one prefix', () => {
  const topics = topicsOf({ prefix: 'barri/corner-01', topic: 'barri/corner-01/{device}/{reading}' });
  expect(topics).toMatchObject({ status: 'barri/corner-01/status', delivered: 'barri/corner-01/delivered' });
  expect(topics.observations('air.t')).toBe('barri/corner-01/air/t');
  expect([topics.state('air.t'), topics.orders('air.t'), topics.answers('air.t')]).toEqual([
    'barri/corner-01/air/t/state',
    'barri/corner-01/air/t/set',
    'barri/corner-01/air/t/result',
  ]);
});
