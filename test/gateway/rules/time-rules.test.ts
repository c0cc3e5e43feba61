// When rules with a time of day are due, by a clock that steps and a gateway that comes and goes. Without a gateway: these are days.

import { describe, expect, it } from 'vitest';
import type { RuleConfig } from '../../../config/rules.ts';
import type { Event } from '../../../gateway/record.ts';
import { openSchedule } from '../../../gateway/rules/schedule.ts';
import { openTimeRules, type TimeRules } from '../../../gateway/rules/time-rules.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const rule = (id: string, ...at: readonly string[]): RuleConfig => ({
  id,
  trigger: { at },
  onlyIf: [],
  action: { alarm: id, say: { '*': id } },
});

/** A machine whose process may end and begin again, with a wall clock that may step or be unknown. */
class Days {
  /** `fired 2026-03-29T01:00:00 r 02:30`, or `missed` and why, by the wall clock of that moment. */
  readonly told: string[] = [];
  readonly #events: Event[] = [];
  readonly #rules: readonly RuleConfig[];
  readonly #zone: string;
  #monotonicMs = 0;
  #wallMs: number;
  #isKnown = true;
  #timeRules: TimeRules;

  constructor(zone: string, start: string, rules: readonly RuleConfig[] = [rule('r', '06:30')]) {
    this.#zone = zone;
    this.#rules = rules;
    this.#wallMs = Date.parse(start);
    this.#timeRules = this.#start();
  }

  /** Looks each second for a while, as the gateway does. */
  pass(ms: number): this {
    for (let passed = 0; passed < ms; passed += SECOND_MS) {
      this.#look();
      this.#move(SECOND_MS);
    }
    return this;
  }

  /** Nothing runs meanwhile: what is next is another process. */
  down(ms: number): this {
    this.#note('gateway-stopped', {});
    this.#move(ms);
    this.#timeRules = this.#start();
    return this;
  }

  /** The process is stopped for a while, and goes on. */
  frozen(ms: number): this {
    this.#move(ms);
    return this;
  }

  step(ms: number): this {
    this.#wallMs += ms;
    return this;
  }

  known(isKnown: boolean): this {
    this.#isKnown = isKnown;
    return this;
  }

  #start(): TimeRules {
    const tell = (what: string, at: string, day: number, id: string) => {
      this.told.push(`${what} ${new Date(this.#wallMs).toISOString().slice(0, 19)} ${id} ${at}`);
      if (what === 'fired') this.#note('rule-fired', { rule: id, at, day });
      else this.#note('rule-not-fired', { rule: id, at, day, reason: what });
    };
    const timeRules = openTimeRules(openSchedule(this.#rules, this.#zone), () => this.#monotonicMs, {
      fire: ({ rule: { id }, at, day }) => tell('fired', at, day, id),
      tellNotFired: ({ rule: { id }, at, day }, reason) => tell(reason, at, day, id),
    });
    for (const event of this.#events) timeRules.takePast(event);
    return timeRules;
  }

  #look(): void {
    this.#timeRules.look({ ms: this.#wallMs, quality: this.#isKnown ? 'synced' : 'none' });
  }

  #move(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }

  #note(code: string, fields: Event['fields']): void {
    const wallQuality = this.#isKnown ? 'synced' : 'none';
    this.#events.push({
      kind: 'event',
      code,
      fields,
      boot: 'b',
      monotonicMs: this.#monotonicMs,
      wallMs: this.#wallMs,
      wallQuality,
    });
  }
}

const MADRID = 'Europe/Madrid';

describe('the two Sundays', () => {
  it.each([
    [MADRID, '2026-03-28T23:00:00Z', ['fired 2026-03-29T01:00:00 a 02:30', 'fired 2026-03-29T01:00:00 b 03:00']],
    [MADRID, '2026-10-24T22:00:00Z', ['fired 2026-10-25T00:30:00 a 02:30', 'fired 2026-10-25T02:00:00 b 03:00']],
    ['Australia/Lord_Howe', '2026-10-03T14:00:00Z', ['fired 2026-10-03T15:30:00 a 02:30', 'fired 2026-10-03T16:00:00 b 03:00']],
    ['Australia/Lord_Howe', '2026-04-04T13:00:00Z', ['fired 2026-04-04T16:00:00 a 02:30', 'fired 2026-04-04T16:30:00 b 03:00']],
  ])('in %s from %s', (zone, start, expected) => {
    const days = new Days(zone, start, [rule('a', '02:30'), rule('b', '03:00')]).pass(6 * HOUR_MS);
    expect(days.told).toEqual(expected);
  });

  it('two times of one rule that are left out are one moment', () => {
    const days = new Days(MADRID, '2026-03-29T00:30:00Z', [rule('a', '02:15', '02:45', '03:00')]).pass(HOUR_MS);
    expect(days.told).toEqual([
      'fired 2026-03-29T01:00:00 a 02:15',
      'same-moment 2026-03-29T01:00:00 a 02:45',
      'same-moment 2026-03-29T01:00:00 a 03:00',
    ]);
  });

  it('a start within the hour that comes twice does not fire the second time', () => {
    const days = new Days(MADRID, '2026-10-25T00:20:00Z', [rule('a', '02:30')]).pass(20 * MINUTE_MS);
    days.down(40 * MINUTE_MS).pass(2 * HOUR_MS);
    expect(days.told).toEqual(['fired 2026-10-25T00:30:00 a 02:30']);
  });
});

// In June it is 6:30 in Madrid at 4:30 UTC.
describe('a clock that steps', () => {
  const from = (start: string) => new Days(MADRID, start);

  it.each([
    [
      'an hour ahead over the moment',
      from('2026-06-01T04:10:00Z')
        .pass(MINUTE_MS)
        .step(HOUR_MS)
        .pass(2 * HOUR_MS),
      '2026-06-01T05:11:00',
    ],
    [
      'an hour back after it',
      from('2026-06-01T04:10:00Z')
        .pass(HOUR_MS)
        .step(-HOUR_MS)
        .pass(2 * HOUR_MS),
      '2026-06-01T04:30:00',
    ],
    [
      'an hour back before it',
      from('2026-06-01T04:10:00Z')
        .pass(MINUTE_MS)
        .step(-HOUR_MS)
        .pass(2 * HOUR_MS),
      '2026-06-01T04:30:00',
    ],
    [
      'ahead and back again',
      from('2026-06-01T04:10:00Z')
        .pass(MINUTE_MS)
        .step(HOUR_MS)
        .pass(MINUTE_MS)
        .step(-HOUR_MS)
        .pass(2 * HOUR_MS),
      '2026-06-01T05:11:00',
    ],
    [
      'a second back just after it',
      from('2026-06-01T04:29:00Z')
        .pass(61 * SECOND_MS)
        .step(-2 * SECOND_MS)
        .pass(HOUR_MS),
      '2026-06-01T04:30:00',
    ],
    [
      'back over midnight',
      new Days(MADRID, '2026-05-31T21:00:00Z', [rule('r', '23:30')])
        .pass(90 * MINUTE_MS)
        .step(-2 * HOUR_MS)
        .pass(HOUR_MS + 80 * MINUTE_MS),
      '2026-05-31T21:30:00',
    ],
  ])('%s fires once', (_how, days, at) => {
    expect(days.told.map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual([`fired ${at}`]);
  });

  it('a day ahead does not make up for what it leaves out, and says so', () => {
    const days = from('2026-06-01T04:40:00Z')
      .pass(MINUTE_MS)
      .step(24 * HOUR_MS)
      .pass(24 * HOUR_MS);
    expect(days.told).toEqual(['clock-jumped 2026-06-02T04:41:00 r 06:30', 'fired 2026-06-03T04:30:00 r 06:30']);
  });

  it('days ahead and back again fires on each day that comes', () => {
    const days = from('2026-06-01T04:00:00Z')
      .pass(MINUTE_MS)
      .step(72 * HOUR_MS)
      .pass(HOUR_MS)
      .step(-72 * HOUR_MS)
      .pass(48 * HOUR_MS);
    expect(days.told.filter((each) => each.startsWith('fired')).map((each) => each.slice(6, 25))).toEqual([
      '2026-06-04T04:30:00',
      '2026-06-02T04:30:00',
      '2026-06-03T04:30:00',
    ]);
  });

  const DAY_MS = 24 * HOUR_MS;
  it.each([
    ['a process', (days: Days) => days],
    ['two processes', (days: Days) => days.down(2 * SECOND_MS)],
  ])('a day back fires on the day before, and on no day twice, in %s', (_in, between) => {
    const before = from('2026-06-10T04:00:00Z')
      .pass(HOUR_MS)
      .step(-DAY_MS - HOUR_MS);
    const days = between(before).pass(3 * DAY_MS + HOUR_MS);
    expect(days.told).toEqual([
      'fired 2026-06-10T04:30:00 r 06:30',
      'fired 2026-06-09T04:30:00 r 06:30',
      'fired 2026-06-11T04:30:00 r 06:30',
      'fired 2026-06-12T04:30:00 r 06:30',
    ]);
  });

  it('a day that it has jumped over, which is told once, fires when it comes after all', () => {
    const days = from('2026-06-01T04:40:00Z').pass(MINUTE_MS).step(DAY_MS).pass(MINUTE_MS).step(-DAY_MS);
    expect(days.pass(DAY_MS).told).toEqual(['clock-jumped 2026-06-02T04:41:00 r 06:30', 'fired 2026-06-02T04:30:00 r 06:30']);
    const again = from('2026-06-01T04:40:00Z').pass(MINUTE_MS).step(DAY_MS).pass(MINUTE_MS).step(-DAY_MS).pass(MINUTE_MS);
    expect(again.step(DAY_MS).pass(MINUTE_MS).told).toEqual(['clock-jumped 2026-06-02T04:41:00 r 06:30']);
  });

  it('back before a moment that passed while the gateway was down fires then', () => {
    const days = from('2026-06-01T04:29:00Z')
      .pass(MINUTE_MS - SECOND_MS)
      .down(10 * MINUTE_MS)
      .pass(MINUTE_MS)
      .step(-30 * MINUTE_MS);
    const times = ['was-down 2026-06-01T04:39:59 r 06:30', 'fired 2026-06-01T04:30:00 r 06:30'];
    expect(days.down(2 * SECOND_MS).pass(HOUR_MS).told).toEqual(times);
  });
});

describe('a gateway that is not there', () => {
  const down = (ms: number) =>
    new Days(MADRID, '2026-06-01T04:29:00Z')
      .pass(55 * SECOND_MS)
      .down(ms)
      .pass(HOUR_MS).told;

  it.each([
    [10 * SECOND_MS, ['fired 2026-06-01T04:30:05 r 06:30']],
    [64 * SECOND_MS, ['fired 2026-06-01T04:30:59 r 06:30']],
    [66 * SECOND_MS, ['was-down 2026-06-01T04:31:01 r 06:30']],
    [5 * HOUR_MS, ['was-down 2026-06-01T09:29:55 r 06:30']],
    // The newest of three that were missed.
    [72 * HOUR_MS, ['was-down 2026-06-04T04:29:55 r 06:30', 'fired 2026-06-04T04:30:00 r 06:30']],
  ])('for %d ms', (ms, expected) => {
    expect(down(ms)).toEqual(expected);
  });

  it('does not fire twice when it comes back again and again within the minute', () => {
    const days = new Days(MADRID, '2026-06-01T04:29:50Z').pass(12 * SECOND_MS);
    for (let times = 0; times < 8; times++) days.down(2 * SECOND_MS).pass(3 * SECOND_MS);
    expect(days.told).toEqual(['fired 2026-06-01T04:30:00 r 06:30']);
  });

  it('and is stopped in the middle does as if it had been down', () => {
    const days = new Days(MADRID, '2026-06-01T04:29:00Z')
      .pass(30 * SECOND_MS)
      .frozen(10 * MINUTE_MS)
      .pass(HOUR_MS);
    expect(days.told).toEqual(['was-down 2026-06-01T04:39:30 r 06:30']);
    const short = new Days(MADRID, '2026-06-01T04:29:00Z')
      .pass(30 * SECOND_MS)
      .frozen(50 * SECOND_MS)
      .pass(HOUR_MS);
    expect(short.told).toEqual(['fired 2026-06-01T04:30:20 r 06:30']);
  });

  it('knows nothing of what was due before it was installed', () => {
    expect(new Days(MADRID, '2026-06-01T04:30:01Z').pass(HOUR_MS).told).toEqual([]);
  });
});

describe('a gateway without a time', () => {
  it('fires nothing, and says afterwards what was due meanwhile', () => {
    const days = new Days(MADRID, '2026-06-01T04:00:00Z')
      .known(false)
      .pass(HOUR_MS)
      .known(true)
      .pass(24 * HOUR_MS);
    expect(days.told).toEqual(['no-time 2026-06-01T05:00:00 r 06:30', 'fired 2026-06-02T04:30:00 r 06:30']);
  });

  it('does not make up for that after a restart within the minute either', () => {
    const days = new Days(MADRID, '2026-06-01T04:20:00Z').known(false).pass(10 * MINUTE_MS + 5 * SECOND_MS);
    days
      .known(true)
      .pass(5 * SECOND_MS)
      .down(2 * SECOND_MS)
      .pass(HOUR_MS);
    expect(days.told).toEqual(['no-time 2026-06-01T04:30:05 r 06:30']);
  });

  it('fires what is due just when it gets one', () => {
    const days = new Days(MADRID, '2026-06-01T04:00:00Z')
      .known(false)
      .pass(30 * MINUTE_MS)
      .known(true)
      .pass(HOUR_MS);
    expect(days.told).toEqual(['fired 2026-06-01T04:30:00 r 06:30']);
    const before = new Days(MADRID, '2026-06-01T04:00:00Z')
      .known(false)
      .pass(29 * MINUTE_MS)
      .known(true)
      .pass(HOUR_MS);
    expect(before.told).toEqual(['fired 2026-06-01T04:30:00 r 06:30']);
  });
});
