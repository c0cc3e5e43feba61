import { describe, expect, it } from 'vitest';
import { faultOfRequest } from '../../../simulator/sentilo/city-faults.ts';
import { FaultNotUnderstood, FaultSwitch } from '../../../simulator/sentilo/fault-switch.ts';

describe('faults that are switched', () => {
  it('begin at once and end by themselves, at a time of their own or when they are switched off', () => {
    const faults = new FaultSwitch();
    faults.on('{"fault":"slow","ms":500,"rate":0.25,"for":"30s"}', 1_000);
    faults.on('{"fault":"status","status":429}', 2_000);
    expect(faults.shown(2_000.5)).toEqual([
      { fault: 'slow', ms: 500, rate: 0.25, leftMs: 29_000 },
      { fault: 'status', status: 429, rate: 1 },
    ]);
    expect(faultOfRequest(faults.faults, 2_000, () => 0.2)).toMatchObject({ kind: 'slow', byMs: 500 });
    expect(faultOfRequest(faults.faults, 2_000, () => 0.3)).toMatchObject({ kind: 'status', status: 429 });
    expect(faults.shown(31_000)).toEqual([{ fault: 'status', status: 429, rate: 1 }]);
    faults.off('status');
    expect(faultOfRequest(faults.faults, 31_000, () => 0)).toBeUndefined();
  });

  it('are kept once of each kind, however often they are switched on', () => {
    const faults = new FaultSwitch();
    for (let nowMs = 0; nowMs < 1_000; nowMs += 1) faults.on(`{"fault":"status","status":${nowMs % 2 ? 500 : 503}}`, nowMs);
    expect(faults.faults).toEqual([{ at: 'city', kind: 'status', status: 500, rate: 1, fromMs: 999, toMs: Infinity }]);
  });

  it.each([
    ['no JSON', 'fault=slow', 'the body is no JSON'],
    ['no object', '["slow"]', 'a fault is {"fault": "slow"}'],
    ['an unknown fault', '{"fault":"lost"}', '"fault" is one of refuse, timeout,'],
    ['an unknown key', '{"fault":"slow","speed":1}', 'and nothing else'],
    ['a time without a unit', '{"fault":"slow","for":"30"}', '"for" is a length of time'],
    ['a time that is a number', '{"fault":"slow","for":30}', '"for" is a length of time'],
    ['a time of nothing', '{"fault":"slow","for":"0s"}', '"for" is longer than 0s'],
    ['a time beyond the largest', '{"fault":"slow","for":"1000000d"}', '"for" is at most 400d'],
    ['a rate of zero', '{"fault":"slow","rate":0}', '"rate" is a part'],
    ['a rate above one', '{"fault":"slow","rate":2}', '"rate" is a part'],
    ['a status that is none', '{"fault":"status","status":99}', '"status" is a number'],
    ['a status of another fault', '{"fault":"slow","status":500}', '"status" belongs to the fault status'],
    ['milliseconds of another fault', '{"fault":"timeout","ms":5}', '"ms" belongs to the fault slow'],
    ['milliseconds below zero', '{"fault":"slow","ms":-1}', '"ms" is a number'],
  ])('are left as they were by %s', (_, text, words) => {
    const faults = new FaultSwitch();
    faults.on('{"fault":"slow"}', 0);
    expect(() => faults.on(text, 5)).toThrow(FaultNotUnderstood);
    expect(() => faults.on(text, 5)).toThrow(words);
    expect(faults.shown(5)).toEqual([{ fault: 'slow', rate: 1 }]);
  });
});
