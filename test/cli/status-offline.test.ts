// What `barri status` says, and its exit code, where no gateway runs: the journal is all there is.

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Gap } from '../../gateway/record.ts';
import { barri } from './in-process.ts';
import { DAY_MS, hall, keep, minutes, openReal, temporaryState } from './journal-kit.ts';

let state: string;
let remove: () => void;
beforeEach(() => {
  ({ state, remove } = temporaryState());
});
afterEach(() => remove());

const status = (...more: string[]) => barri(['status', '--state', state, ...more]);

function gap(cause: string): Gap {
  return {
    ...{ kind: 'gap', boot: 'b1', monotonicMs: 0, wallMs: DAY_MS, wallQuality: 'synced', cause },
    ...{ firstSequence: 1, lastSequence: 40, recordClass: 'gauges', count: 17, sensors: ['makers-hall-temperature'] },
    ...{ fromWallMs: DAY_MS, toWallMs: DAY_MS + 60_000 },
  };
}

/** The exit code is the same for people and for scripts. */
async function codes(): Promise<readonly number[]> {
  return [(await status()).code, (await status('--json')).code];
}

test('without a gateway, what waits is told for whom it waits', async () => {
  const journal = await openReal(state);
  const sequences = await Promise.all([0, 1, 2, 3, 4].map((minute) => journal.append(hall(minute))));
  const delivery = await journal.delivery('mqtt');
  await delivery.begin(sequences.slice(0, 2));
  delivery.settle(sequences.slice(0, 2), sequences.slice(0, 2));
  await delivery.flush();
  await journal.close();
  const { out } = await status();
  expect(out).toContain('3 records wait for the broker');
  expect(out).not.toContain('the city');
  expect(JSON.parse((await status('--json')).out)).toMatchObject({ brokerWaitingCount: 3 });
  const inspected = (await barri(['journal', 'inspect', '--state', state])).out;
  expect(inspected).toMatch(/^Broker +mqtt: 3 readings wait/m);
  expect(inspected).not.toMatch(/^City/m);
  // As the site says, whatever was delivered before.
  const site = join(state, 'site.gateway.yaml');
  const told = async (uplink: string) => {
    writeFileSync(site, `schema: gateway/v1\ngateway: { id: corner-01 }\n${uplink}\n`);
    const { out: shown } = await barri(['status', site], { XDG_STATE_HOME: join(state, 'home') });
    return shown;
  };
  mkdirSync(join(state, 'home/barri'), { recursive: true });
  symlinkSync(state, join(state, 'home/barri/corner-01'));
  expect(await told('sentilo: { url: "http://127.0.0.1:9", provider: a, token: { secret: t } }')).toContain(
    '5 records wait for the city',
  );
  expect(await told('')).not.toContain('wait for');
});

describe('without a gateway, barri status ends with', () => {
  test('0 when the journal is whole', async () => {
    await keep(state, minutes(10));
    expect(await codes()).toEqual([0, 0]);
  });

  test('0 when sequences were only left out', async () => {
    await keep(state, [hall(1), { ...gap('left-out'), count: 0 }]);
    expect(await codes()).toEqual([0, 0]);
  });

  test('1 when records are missing', async () => {
    await keep(state, [hall(1), gap('size-cap')]);
    expect((await status()).out).toContain('17 records missing in all');
    expect(await codes()).toEqual([1, 1]);
  });

  test('1 when something is damaged', async () => {
    await keep(state, minutes(200));
    const slot = join(state, 'journal', 'slot-000');
    const bytes = readFileSync(slot);
    bytes.fill(0xff, 4_100, 4_200);
    writeFileSync(slot, bytes);
    expect((await status()).out).toContain('damage in slot-000');
    expect(await codes()).toEqual([1, 1]);
  });
});
