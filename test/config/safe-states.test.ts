// The safe state of an output: on is what it is without anybody, and without limit, so that it has to be meant.

import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

const valve = (output: string, more = '') =>
  `${HEAD}devices:\n  valve: { board: solenoid-valve@1, via: gpio.pin11${output === '' ? '' : `, outputs: { open: { ${output} } }`} }\n${more}`;
/** A board that says nothing of what is safe, and one that says on. */
const own = (board: string, output: string) =>
  told(
    `${HEAD}devices: { heater: { board: heater@1, via: gpio.pin11, outputs: { heat: { ${output} } } } }\n`,
    {
      'boards/heater.board.yaml': `schema: board/v1
id: heater
version: 1.0.0
status: community
label: { en: Heater }
needs: digital_out
driver: digital-out
outputs:
  heat: { quantity: switch_state, unit: bool${board} }
`,
    },
    'warning',
  );

describe('a safe state of on, where the board says off', () => {
  it.each([['safe: on'], ['safe: true'], ['safe: on, max_on: 30min']])('is warned of: %s', async (output) => {
    expect(await told(valve(output), {}, 'warning')).toEqual([
      'C208 valve.open is on from power-up, at every stop and after a crash, without limit: that is what `safe: on` says, and its board ' +
        'solenoid-valve says off: write `safe: off`, or leave it out; where on is what is safe, such as for a normally-open valve, ' +
        'write `max_on: unlimited` beside it',
    ]);
  });

  it.each([
    ['where `max_on: unlimited` says that it is meant', 'safe: on, max_on: unlimited'],
    ['where it is off all the same', 'safe: off'],
    ['where the site says nothing of it', ''],
    ['where only the limit is off', 'max_on: unlimited'],
    ['where the output is switched off', 'safe: on, enabled: false'],
  ])('is not told %s', async (_what, output) => {
    expect((await told(valve(output), {}, 'warning')).join()).not.toMatch(/C20[89]/);
  });

  it('stands behind a `for` of a rule that makes no sense', async () => {
    const rules = 'rules: { water: { at: "06:30", do: { output: valve.open, set: on, for: 8min } } }\n';
    expect(await told(valve('safe: on', rules))).toEqual([
      'C174 `for` makes no sense here: this is the safe state of valve.open, which may last: remove `for:`; or write `safe: off` at ' +
        'valve.open, as its board has it',
    ]);
    expect(await told(valve('safe: off', rules.replace('set: on', 'set: off')))).toEqual([
      'C174 `for` makes no sense here: this is the safe state of valve.open, which may last: remove `for:`',
    ]);
  });
});

describe('a limit of what is safe when it is on', () => {
  const NOTHING =
    'C209 `max_on` does nothing: the safe state of heater.heat is on, and that may last: write `max_on: unlimited`, where on is what ' +
    'is safe; or `safe: off`';

  it.each([
    ['', 'safe: on, max_on: 1h', [NOTHING]],
    [', safe: on', 'max_on: 1h', [NOTHING]],
    [', safe: on', 'max_on: unlimited', []],
    ['', 'safe: on, max_on: unlimited', []],
    ['', 'safe: off, max_on: 1h', []],
    [', safe: on', 'safe: off, max_on: 1h', []],
  ])('does nothing, which is told: board%s, site %s', async (board, output, expected) => {
    expect(await own(board, output)).toEqual(expected);
  });
});
