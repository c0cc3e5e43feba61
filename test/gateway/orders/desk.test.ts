// Orders of the city, slow cards and odd clocks: the newest decides, whatever becomes durable when.

import { describe, expect, it } from 'vitest';
import type { OutputConfig } from '../../../config/config.ts';
import { JournalError } from '../../../gateway/journal/journal.ts';
import { sensorKey, type TextOrder } from '../../../gateway/orders/copy.ts';
import { type Desk, openDesk } from '../../../gateway/orders/desk.ts';
import { EMPTY_BOOK } from '../../../gateway/orders/order-book.ts';
import type { Outputs } from '../../../gateway/outputs/output.ts';
import { openOutputs } from '../../../gateway/outputs/outputs.ts';
import type { Observation } from '../../../gateway/record.ts';
import { VirtualClock } from '../../../simulator/clock.ts';
import { turn } from '../../../simulator/wire/turn.ts';
import { MemoryJournal } from '../../uplink/memory-journal.ts';

const WALL_MS = 1_795_608_000_000;
const OUTPUT: OutputConfig = {
  id: 'open',
  sensor: 'valve',
  name: {},
  safe: false,
  maxOnMs: 600_000,
  minOffMs: 0,
  neverWith: [],
  orders: ['sentilo', 'local'],
  expiryMs: 120_000,
  onLostCityMs: 900_000,
  component: 'garden',
  quantity: 'valve_state',
  cityType: 'status',
  answers: { sensor: 'valve_ack', cityType: 'status' },
};

/** A desk, its outputs, and a state file that is written in `fileMs`. */
class Trial {
  readonly clock = new VirtualClock(WALL_MS, turn);
  readonly journal = new MemoryJournal();
  readonly moves: string[] = [];
  readonly logged: string[] = [];
  crowdedCount = 0;
  readonly outputs: Outputs;
  readonly desk: Desk;
  fileMs = 0;

  constructor({ minOffMs = 0, read = this.journal.read.bind(this.journal) } = {}) {
    const { clock, journal, moves } = this;
    const output = { ...OUTPUT, minOffMs };
    const log = (_level: string, code: string) => this.logged.push(code);
    const fatal = (error: unknown) => moves.push(String(error));
    const pause = (ms: number) => new Promise<void>((resolve) => clock.timer(ms, resolve));
    const device = {
      config: { id: 'valve', outputs: [output] },
      safeMs: 0,
      holdFor: () => () => {},
      switchTo: async (_id: string, on: boolean) => {
        moves.push(`${on ? 'on' : 'off'} at ${clock.monotonicMs()}`);
        return undefined;
      },
    };
    const own = { clock, bootId: 'boot', log, fatal };
    this.outputs = openOutputs([device], {
      ...own,
      journal,
      keep: () => {},
      latest: () => undefined,
      lastHeardMs: () => undefined,
    });
    this.outputs.opened('valve', undefined);
    const left = {
      key: '00',
      idKey: undefined,
      sensorKey: sensorKey('valve'),
      via: 'poll',
      timeMs: 1,
      otherMs: undefined,
      isPlaced: true,
      open: { sender: 'app' },
    } as const;
    this.desk = openDesk({
      ...own,
      journal: { append: journal.append.bind(journal), read, lastSequence: 0 },
      file: {
        state: {
          book: { ...EMPTY_BOOK, orders: [left] },
          refusedBook: EMPTY_BOOK,
          cursorMs: WALL_MS,
          beganMs: undefined,
          answersFrom: 1,
        },
        write: () => pause(this.fileMs),
        close: async () => {},
      },
      takers: [{ ...output, answers: { sensor: 'valve_ack', cityType: 'status' }, id: 'valve.open' }],
      ordersFrom: ['app'],
      order: (request) => this.outputs.order(request),
      refused: (one) => this.outputs.refused(one),
      answered: () => {},
      crowded: () => {
        this.crowdedCount += 1;
      },
    });
  }

  /** Pushed, each now unless it says when it was given. */
  push(...orders: readonly (string | (Pick<TextOrder, 'text' | 'timeMs'> & { readonly sender?: string }))[]): void {
    const timeMs = WALL_MS + this.clock.monotonicMs();
    const listed = orders.map((one) => ({
      sensor: 'valve',
      sender: 'app',
      ...(typeof one === 'string' ? { text: one, timeMs } : one),
    }));
    void this.desk.take(listed, 'push', timeMs);
  }

  get answers(): unknown[] {
    const answers = this.journal.records.filter((record): record is Observation => record.kind === 'observation');
    return answers.filter(({ sensor }) => sensor === 'valve_ack').map(({ value }) => JSON.parse(String(value)).result);
  }
}

describe('the desk', () => {
  it('an off that came after an on ends off', async () => {
    const trial = new Trial();
    await trial.clock.runUntil(5_000);
    trial.fileMs = 1_500;
    trial.push('on');
    await trial.clock.runUntil(5_100);
    trial.push('off');
    await trial.clock.runUntil(20_000);
    expect(trial.moves).toEqual(['off at 5600']);
    expect(trial.answers.toSorted()).toEqual(['done', 'superseded']);
  });

  it('an off of a person meanwhile is newer', async () => {
    const trial = new Trial();
    await trial.clock.runUntil(5_000);
    trial.fileMs = 1_500;
    trial.push('on');
    await trial.clock.runUntil(5_100);
    await trial.clock.run(trial.outputs.order({ output: 'valve.open', on: false, source: 'local', by: 'test' }));
    await trial.clock.runUntil(20_000);
    expect(trial.moves).toEqual(['off at 5100']);
    expect(trial.answers).toEqual(['superseded']);
  });

  it('an on of the moment of an off is not newer, whichever came first', async () => {
    const trial = new Trial();
    await trial.clock.runUntil(5_000);
    const timeMs = WALL_MS + 4_000;
    trial.push({ text: 'off', timeMs });
    await trial.clock.runUntil(6_000);
    trial.push({ text: 'on', timeMs });
    await trial.clock.runUntil(20_000);
    expect(trial.moves.map((move) => move.split(' ')[0])).toEqual(['off']);
    expect(trial.answers).toEqual(['done', 'superseded']);
  });

  it.each([
    ['app', true],
    ['stranger', false],
  ])('many pushes of %s have the city asked: %s', async (sender, isAsked) => {
    const trial = new Trial();
    await trial.clock.runUntil(5_000);
    for (let i = 0; i < 40; i++) trial.push({ text: `on ${i}`, timeMs: WALL_MS + 4_000 + i, sender });
    await trial.clock.runUntil(20_000);
    expect(trial.crowdedCount > 0).toBe(isAsked);
  });

  it('an off is done where a newer on, told with it, is refused', async () => {
    const trial = new Trial({ minOffMs: 60_000 });
    await trial.clock.runUntil(5_000);
    const at = WALL_MS + 4_000;
    trial.push({ text: 'off', timeMs: at }, { text: 'on', timeMs: at + 500 });
    await trial.clock.runUntil(20_000);
    expect(trial.moves.map((move) => move.split(' ')[0])).toEqual(['off']);
    expect(trial.answers.toSorted()).toEqual(['done', 'min-off']);
  });

  it('an id of an order that was refused may come again, and one for off is not that for on', async () => {
    const trial = new Trial({ minOffMs: 10_000 });
    await trial.clock.runUntil(5_000);
    trial.push('{"set":"on","id":"a"}');
    await trial.clock.runUntil(15_000);
    trial.push('{"set":"on","id":"a"}');
    await trial.clock.runUntil(16_000);
    trial.push('{"set":"off","id":"a"}');
    await trial.clock.runUntil(20_000);
    expect(trial.answers).toEqual(['min-off', 'done', 'done']);
  });

  it('a journal that cannot be read does not end it', async () => {
    const read = async () => {
      throw new JournalError('EIO');
    };
    const trial = new Trial({ read });
    await trial.clock.run(trial.desk.recover());
    expect(trial.logged).toEqual(['city-orders-past-unknown']);
  });

  it('after the clock of the city was set back only what is safe is done', async () => {
    const trial = new Trial();
    await trial.clock.runUntil(5_000);
    const hour = WALL_MS + 3_600_000;
    const later = hour + trial.clock.monotonicMs();
    const many = Array.from({ length: 90 }, (_, each) => ({
      sensor: 'valve',
      sender: 'app',
      text: 'toggle',
      timeMs: hour + each,
    }));
    await trial.clock.run(trial.desk.take(many, 'poll', later));
    trial.push('on');
    await trial.clock.runUntil(6_000);
    trial.push('off');
    await trial.clock.runUntil(20_000);
    expect(trial.moves).toEqual(['off at 6000']);
    expect(trial.answers.slice(90)).toEqual(['expired', 'done']);
  });

  it('an order for all sensors stays one when the others no longer show it', async () => {
    const trial = new Trial();
    await trial.clock.runUntil(5_000);
    const seen = { sensor: 'valve', sender: 'app', text: 'on', timeMs: WALL_MS + 4_000 };
    const time = WALL_MS + trial.clock.monotonicMs();
    await trial.clock.run(trial.desk.take([{ ...seen, isForAll: true }], 'poll', time));
    await trial.clock.run(trial.desk.take([seen], 'poll', time));
    await trial.clock.runUntil(20_000);
    expect(trial.moves).toEqual([]);
    expect(trial.answers).toEqual(['provider-wide']);
  });
});
