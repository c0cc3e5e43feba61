// Orders of a broker: what is carried out, what is refused, and what is answered.

import { describe, expect, it } from 'vitest';
import { type Commands, openCommands } from '../../gateway/mqtt/commands.ts';
import { topicsOf } from '../../gateway/mqtt/topics.ts';
import type { OrderOutcome, OrderRequest } from '../../gateway/outputs/output.ts';
import type { Refused } from '../../gateway/outputs/refusals.ts';
import { drain, TestClock } from '../support/test-clock.ts';

const WALL_MS = 1_795_608_000_000;
const TOPIC = 'barri/corner-01/lamp/switch/set';

class Bench {
  readonly clock = new TestClock({ ms: WALL_MS, quality: 'synced' });
  readonly ordered: OrderRequest[] = [];
  readonly answers: unknown[] = [];
  readonly logged: string[] = [];
  readonly refused: Refused[] = [];
  readonly subscribed: string[] = [];
  readonly counts: unknown[] = [];
  readonly failures: unknown[] = [];
  /** What the broker takes to acknowledge an answer. */
  acknowledged = async () => {};
  isTimed = true;
  /** The newest order of each output, whoever gave it. */
  readonly newest = new Map<string, string>();
  outcome: () => Promise<OrderOutcome> = async () => ({ done: true });
  readonly commands: Commands;

  constructor() {
    this.commands = openCommands({
      host: { clock: this.clock, bootId: 'boot', log: (_level, code, fields) => this.note(code, fields) },
      time: { timeOf: ({ wallMs }) => (this.isTimed ? { kind: 'known', ms: wallMs } : { kind: 'unknown' }) },
      topics: topicsOf({ prefix: 'barri/corner-01', topic: 'barri/corner-01/{device}/{reading}' }),
      outputs: [
        { output: 'lamp.switch', safe: false },
        { output: 'fan.run', safe: false },
      ],
      order: (request) => {
        this.ordered.push(request);
        this.newest.set(request.output, `mqtt-${this.ordered.length}`);
        return this.outcome();
      },
      refused: (one) => this.refused.push(one),
      newest: (output) => this.newest.get(output),
      fatal: (error) => this.failures.push(error),
    });
  }

  note(code: string, fields: Readonly<Record<string, unknown>> | undefined): void {
    if (fields?.['count'] !== undefined) this.counts.push(fields['count']);
    this.logged.push(code);
  }

  async open(): Promise<this> {
    await this.commands.open({
      publish: async (topic, payload, retain) => {
        this.answers.push({ topic, retain, ...JSON.parse(payload) });
        await this.acknowledged();
      },
      subscribe: async (topic) => {
        this.subscribed.push(topic);
      },
    });
    return this;
  }

  async send(text: string, isRetained = false, topic = TOPIC): Promise<void> {
    this.commands.take({ topic, payload: new TextEncoder().encode(text), isRetained });
    await drain();
  }

  get done(): (string | undefined)[] {
    return this.ordered.map(({ on }) => (on ? 'on' : 'off'));
  }
}

describe('an order over the broker', () => {
  it('goes to the output it is for, and is answered', async () => {
    const bench = await new Bench().open();
    await bench.send('{"state":"on","for":"30s","id":"a-1","by":"Home Assistant"}');
    expect(bench.subscribed).toEqual([TOPIC, 'barri/corner-01/fan/run/set']);
    expect(bench.ordered).toEqual([{ output: 'lamp.switch', on: true, forMs: 30_000, source: 'mqtt', by: 'Home Assistant' }]);
    expect(bench.answers).toEqual([{ topic: 'barri/corner-01/lamp/switch/result', retain: false, id: 'a-1', done: true }]);
  });

  it('is answered with the reason when the output does not take it', async () => {
    const bench = await new Bench().open();
    bench.outcome = async () => ({ done: false, reason: 'min-off', message: 'it has to stay off for another 5 s' });
    await bench.send('on');
    expect(bench.answers).toMatchObject([{ done: false, reason: 'min-off' }]);
  });

  it('is never carried out when the broker has kept it, and that is told once (ou-03)', async () => {
    const bench = await new Bench().open();
    for (let connection = 0; connection < 10; connection += 1) {
      await bench.open();
      await bench.send('on', true);
    }
    expect(bench.ordered).toEqual([]);
    expect(bench.logged).toEqual(['broker-retained-order-refused']);
  });

  it('is none when it is empty, which deletes what was kept (mq-08)', async () => {
    const bench = await new Bench().open();
    await bench.send('', true);
    await bench.send('');
    expect([bench.ordered, bench.answers, bench.logged]).toEqual([[], [], []]);
  });

  it('is none on another topic', async () => {
    const bench = await new Bench().open();
    await bench.send('on', false, 'barri/corner-01/lamp/switch/state');
    await bench.send('on', false, 'barri/corner-02/lamp/switch/set');
    expect(bench.ordered).toEqual([]);
  });

  it('is answered with what is expected when it is not understood', async () => {
    const bench = await new Bench().open();
    for (const text of ['toggle', 'open', '{"state":"on","for":5}']) await bench.send(text);
    expect(bench.ordered).toEqual([]);
    expect(bench.answers).toMatchObject([
      { reason: 'not-understood' },
      { reason: 'not-understood' },
      { reason: 'not-understood' },
    ]);
    expect(bench.logged).toEqual(['broker-order-not-understood']);
    expect(bench.refused).toHaveLength(3);
    expect(bench.refused[0]).toEqual({
      output: 'lamp.switch',
      from: 'mqtt: broker',
      on: undefined,
      reason: expect.stringMatching(/^not-understood: /),
    });
  });

  it.each(['ON', '1', 'true', '{"set":"on"}', '{"state":true}'])('is what it is to the city too: %s', async (text) => {
    const bench = await new Bench().open();
    await bench.send(text);
    expect(bench.done).toEqual(['on']);
  });

  it('is answered only while no more than a hundred answers wait, and the others are counted', async () => {
    const bench = await new Bench().open();
    let acknowledge = () => {};
    const acknowledged = new Promise<void>((resolve) => (acknowledge = resolve));
    bench.acknowledged = () => acknowledged;
    for (let each = 0; each < 1_000; each += 1) await bench.send('x');
    await bench.send('{"state":"on","id":"a"}', false, 'barri/corner-01/fan/run/set');
    expect(bench.answers).toHaveLength(101);
    expect(bench.answers.at(-1)).toMatchObject({ id: 'a', done: true });
    expect(bench.logged).toEqual(['broker-order-not-understood']);
    acknowledge();
    await drain();
    expect(bench.logged).toEqual(['broker-order-not-understood', 'broker-orders-unanswered']);
    expect(bench.counts).toEqual([900]);
    await bench.send('off');
    expect(bench.answers).toHaveLength(102);
  });

  it('is carried out also where nobody is left to be answered', async () => {
    const bench = await new Bench().open();
    bench.acknowledged = () => Promise.reject(new Error('the connection is closed'));
    for (let each = 0; each < 300; each += 1) await bench.send('on');
    expect(bench.done).toHaveLength(300);
    expect(bench.answers).toHaveLength(300);
    expect(bench.failures).toEqual([]);
  });

  it('that a fault of this program kept from being carried out is told to whoever ends it', async () => {
    const bench = await new Bench().open();
    const fault = new TypeError('a fault');
    bench.outcome = async () => {
      throw fault;
    };
    await bench.send('on');
    expect(bench.failures).toEqual([fault]);
    expect(bench.answers).toEqual([]);
    for (let each = 0; each < 200; each += 1) await bench.send('{"state":"on","id":"a"}');
    expect(bench.failures).toHaveLength(201);
  });

  it('is carried out once however often it comes under one id, for a day', async () => {
    const bench = await new Bench().open();
    for (let each = 0; each < 4; each += 1) await bench.send('{"state":"on","id":"a-1"}');
    expect(bench.done).toEqual(['on']);
    expect(bench.answers).toHaveLength(4);
    await bench.send('{"state":"on","id":"a-1"}', false, 'barri/corner-01/fan/run/set');
    expect(bench.ordered.map(({ output }) => output)).toEqual(['lamp.switch', 'fan.run']);
    await bench.clock.advance(86_399_999);
    await bench.send('{"state":"on","id":"a-1"}');
    expect(bench.done).toEqual(['on', 'on']);
    await bench.clock.advance(2);
    await bench.send('{"state":"on","id":"a-1"}');
    expect(bench.done).toEqual(['on', 'on', 'on']);
  });

  it.each([
    ['2026-11-25T12:00:00Z', true],
    ['2026-11-25T11:58:00Z', true],
    ['2026-11-25T11:57:59Z', false],
    ['2026-11-25T12:02:01Z', false],
  ])('that says it was given at %s is carried out at 12:00: %s', async (time, isDone) => {
    const bench = await new Bench().open();
    await bench.send(JSON.stringify({ state: 'on', time }));
    expect(bench.ordered).toHaveLength(isDone ? 1 : 0);
    if (!isDone) expect(bench.answers).toMatchObject([{ done: false, reason: 'too-old' }]);
  });

  it('may only make safe while nobody knows the time (A14)', async () => {
    const bench = await new Bench().open();
    bench.isTimed = false;
    await bench.send('on');
    await bench.send('{"state":"on","time":"2026-11-25T12:00:00Z"}');
    expect(bench.ordered).toEqual([]);
    expect(bench.answers).toMatchObject([{ reason: 'no-time' }, { reason: 'no-time' }]);
    expect(bench.refused).toMatchObject([
      { on: true, reason: expect.stringMatching(/^no-time: /) },
      { on: true, reason: expect.stringMatching(/^no-time: /) },
    ]);
    await bench.send('off');
    await bench.send('{"state":"off","time":"2026-11-25T12:00:00Z"}');
    expect(bench.done).toEqual(['off', 'off']);
  });

  it('to make safe is one with the one that is being carried out', async () => {
    const bench = await new Bench().open();
    let finish = (_outcome: OrderOutcome) => {};
    bench.outcome = () => new Promise((resolve) => (finish = resolve));
    for (let each = 0; each < 100; each += 1) await bench.send('off');
    expect(bench.done).toEqual(['off']);
    finish({ done: true });
    await drain();
    expect(bench.answers).toHaveLength(100);
    await bench.send('off');
    expect(bench.done).toEqual(['off', 'off']);
  });

  it('to make safe is a new one where something else was ordered meanwhile', async () => {
    const bench = await new Bench().open();
    bench.outcome = () => new Promise(() => {});
    for (const state of ['off', 'on', 'off']) await bench.send(state);
    expect(bench.done).toEqual(['off', 'on', 'off']);
  });

  it.each([
    ['somebody else has ordered', 'lamp.switch', ['off', 'off']],
    ['something else was switched', 'fan.run', ['off']],
  ])('to make safe comes again while it is carried out, and %s meanwhile', async (_what, output, done) => {
    const bench = await new Bench().open();
    bench.outcome = () => new Promise(() => {});
    await bench.send('off');
    bench.newest.set(output, 'local-1');
    for (let each = 0; each < 100; each += 1) await bench.send('off');
    expect(bench.done).toEqual(done);
  });

  it('may come again with its id when it was refused, and to make safe whenever', async () => {
    const bench = await new Bench().open();
    bench.outcome = async () => ({ done: false, reason: 'min-off', message: 'it has to stay off' });
    for (let each = 0; each < 2; each += 1) await bench.send('{"state":"on","id":"a"}');
    bench.outcome = async () => ({ done: true });
    for (let each = 0; each < 2; each += 1) await bench.send('{"state":"off","id":"b"}');
    expect(bench.done).toEqual(['on', 'on', 'off', 'off']);
  });
});
