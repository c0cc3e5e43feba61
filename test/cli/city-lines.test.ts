// What `barri status` says about the city beside whether it takes readings.

import { afterEach, describe, expect, test } from 'vitest';
import { cityText } from '../../cli/messages/city.ts';
import { text } from '../../cli/messages/live.ts';
import { renderStatus } from '../../cli/render-status.ts';
import { isHealthy } from '../../cli/status.ts';
import type { JournalStats } from '../../gateway/journal/journal.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { UplinkStatus } from '../../gateway/uplink/status.ts';

test('a quota that sets the pace is named with what is left of it', () => {
  expect(cityText.quota({ perHour: 1_200, remaining: 1, everyMs: 75_000 })).toBe(
    "the city's quota sets the pace: it allows 1,200 requests an hour and 1 is left, so readings go out every 75 s",
  );
});

test('a quota that lets readings out once an hour is told in hours', () => {
  expect(cityText.quota({ perHour: 1, remaining: 0, everyMs: 3_600_000 })).toMatch(/ so readings go out every 1 h$/);
});

test.each([
  [3_600_000, '1 h ahead of'],
  [-12_000, '12 s behind'],
])('a clock of the city that is %d ms off is told', (aheadMs, words) => {
  expect(cityText.clock(aheadMs)).toBe(`the city's clock is ${words} this machine's: readings keep the time of this machine`);
});

test('sensors that the city mixes up are named, with who can help', () => {
  expect(cityText.differing(['hall-t', 'hall-h'])).toBe(
    'the city shows other values than were sent for hall-t, hall-h: its server mixes sensors up. Its operator must restart the API server',
  );
  const city = { state: 'ok', held: [], differing: ['hall-t'] } as unknown as UplinkStatus;
  const well = { buses: [], readings: [], devices: [], stored: { damage: [], evictedUndeliveredCount: 0, overwrittenCount: 0 } };
  const { stored, ...rest } = well;
  const healthy = (status: UplinkStatus) => isHealthy({ ...rest, stored: stored as unknown as JournalStats, city: status });
  expect(healthy({ ...city, differing: [] })).toBe(true);
  expect(healthy(city)).toBe(false);
});

test.each([
  ['S002', 'SSL access is required', /over TLS only: SSL access is required\. Write https:\/\/ in sentilo\.url;/],
  ['S003', 'certificate has expired', /no safe connection to the city: certificate has expired\. Look at the date/],
  ['S302', 'http://login.cafe/', /sends us on to http:\/\/login\.cafe\/\. If that is a login page/],
  ['S404', 'Sensor [a] not found on Sentilo (404.1).', /\(404\.1\)\. `barri sentilo plan`/],
  [
    'S404',
    'handler not found to process request /sentilo/catalog/makers',
    /^S404 there is no Sentilo at this address: look at the path in sentilo\.url \(handler not found/,
  ],
  [
    'S003',
    'write EPROTO 00B8:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/ssl/record/ssl3_record.c:355:',
    /^S003 this port speaks http, not https: write http:\/\/ in sentilo\.url, or the port at which the city speaks https\.$/,
  ],
  ['S001', '<p>Sign in to use this network..', /this network\. Is a login page/],
  [
    'S005',
    'the answer is longer than 1048576 bytes',
    /too long to be read: the answer is longer than 1048576 bytes\. Is another/,
  ],
  ['S006', '', /lack X-Sentilo-Version, .* its operator has to let it through\.$/],
  ['S400', 'Bad data.', /cannot read what was sent: Bad data\.$/],
])('%s says what to do', (code, words, expected) => {
  const told = text.cityProblem({ code, parameters: { words } });
  expect(told).toMatch(expected);
  expect(told).not.toContain('..');
});

test.each([
  [
    'S404',
    'Alert [HORT_DRY] not found on Sentilo (404.1).',
    'S404 the city has no such alert: Alert [HORT_DRY] not found on Sentilo (404.1). `barri sentilo apply` creates it; or correct its id under `sentilo: alerts:`.',
  ],
  [
    'S404',
    'Alert [HORT_DRY] is not online (404.2).',
    /^S404 the city takes no alarms of an alert: .* Ask its operator to switch it on\.$/,
  ],
  ['S403', 'You are not authorized.', /^S403 an alert is somebody else's, .* Ask the city's operator for write permission/],
  ['S500', 'Something went wrong.', /^S500 trouble in the city’s server: Something went wrong\.$/],
])('%s about an alarm says what to do about its alert, and nothing of sensors', (code, words, expected) => {
  const told = cityText.alarmRefused({ code, parameters: { words } });
  if (typeof expected === 'string') expect(told).toBe(expected);
  else expect(told).toMatch(expected);
  expect(told).not.toContain('sensor');
});

describe('the status of the city', () => {
  const ZONE = process.env['TZ'];
  afterEach(() => {
    if (ZONE === undefined) delete process.env['TZ'];
    else process.env['TZ'] = ZONE;
  });
  const shown = (city: Partial<UplinkStatus>, orders: GatewayStatus['orders'] = {}, isSimulated = false) => {
    const stored = { recordCount: 0, sizeBytes: 0, sizeBytesMax: 1e9, damage: [] };
    const uplink = {
      state: 'ok',
      sinceWallMs: 0,
      held: [],
      attempt: 0,
      rejected: {},
      waitingCount: 0,
      noTimeCount: 0,
      deliveredCount: 0,
    };
    const measuring = { answeringCount: 0, deviceCount: 0, observationCount: 0 };
    const clock = { quality: 'synced', untimedBoots: [], untimedBootCount: 0 };
    const status = { buses: [], devices: [], skipped: [], measuring, clock, stored, orders, city: { ...uplink, ...city } };
    return renderStatus(status as unknown as GatewayStatus, 300, isSimulated);
  };

  test.each([
    ['Europe/Madrid', '2026-01-02 00:30 CET'],
    ['UTC', '2026-01-01 23:30 UTC'],
  ])('has date and time of one zone, and names it: %s', (zone, expected) => {
    process.env['TZ'] = zone;
    expect(shown({ sinceWallMs: Date.UTC(2026, 0, 1, 23, 30) })).toContain(`since ${expected}`);
  });

  test('sends nobody to the catalogue of a city that is simulated', () => {
    const held = [{ sensor: 'hall-t', sinceWallMs: 0, words: 'Sensor [hall-t] not found on Sentilo (404.1).' }];
    expect(shown({ held })).toContain('`barri sentilo apply` registers it');
    expect(shown({ held }, {}, true)).toContain('This city is simulated: write them under `sensors:` of its world file');
    expect(shown({ held }, {}, true)).not.toContain('barri sentilo');
  });

  test('counts what waits as records, answers to orders among them, and does not say that nobody was asked', () => {
    const status = shown({ state: 'starting', waitingCount: 14 });
    expect(status).toContain('14 records wait for the city');
    expect(status).toMatch(/^City +nothing sent yet$/m);
  });

  test('tells why orders do not come only while the city is asked for them', () => {
    const refused = { unread: { code: 'S401', parameters: { words: 'Invalid credential ***' } } };
    const quota = { code: 'S429', parameters: { words: 'Quota exceeded' } };
    expect(shown({ state: 'waiting', problem: quota }, refused)).not.toContain('S401');
    expect(shown({ state: 'ok' }, refused)).toContain('cannot be read: S401');
    expect(shown({ state: 'refused', problem: { ...quota, code: 'S403' } }, refused)).toContain('cannot be read: S401');
  });
});
