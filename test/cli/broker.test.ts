// What the command line says about a broker: who the gateway is to it, and how it stands.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { brokerLogin } from '../../cli/broker-login.ts';
import { text as brokerText } from '../../cli/messages/broker.ts';
import { alarmsOf, renderStatus, troubleOf, troublesOf } from '../../cli/render-status.ts';
import { isHealthy } from '../../cli/status.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { UplinkStatus } from '../../gateway/uplink/status.ts';
import { loadText } from '../config/site-files.ts';
import { barri } from './in-process.ts';

const HEAD = 'schema: gateway/v1\ngateway: { id: corner-01 }\n';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-broker-'));
  mkdirSync(join(folder, 'secrets'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the login of a broker', () => {
  const login = async (mqtt: string) => {
    const site = await loadText(`${HEAD}mqtt: { url: "mqtts://broker.example.cat", ${mqtt} }\n`);
    if (site.config === undefined) throw new Error('the site has errors');
    const io = { env: { CREDENTIALS_DIRECTORY: join(folder, 'secrets') } } as never;
    return await brokerLogin(site.config, site, join(folder, 'site.gateway.yaml'), io);
  };

  it('is what the files of the secrets say', async () => {
    writeFileSync(join(folder, 'secrets/broker_token'), 'tok-1\n');
    writeFileSync(join(folder, 'secrets/broker_password'), 'word-1\n');
    expect(await login('token: { secret: broker_token }')).toEqual({ username: 'tok-1' });
    expect(await login('user: corner, password: { secret: broker_password }')).toEqual({
      username: 'corner',
      password: 'word-1',
    });
    expect(await login('user: corner')).toEqual({ username: 'corner' });
    expect(await login('qos: 1')).toEqual({});
  });

  it('is asked for by name, at its place in the file, when it is missing', async () => {
    const file = join(folder, 'site.gateway.yaml');
    writeFileSync(file, `${HEAD}mqtt: { url: "mqtts://broker.example.cat", token: { secret: broker_token } }\n`);
    const { code, err } = await barri(['run', file, '--state', join(folder, 'state')]);
    expect(code).toBe(78);
    expect(err).toContain('C090');
    expect(err).toContain('broker_token');
    expect(err).toContain('site.gateway.yaml:3');
  });

  it('trusts the authority of `ca`', async () => {
    const pem = join(import.meta.dirname, '../data/tls/authority.pem');
    expect(await login(`user: corner, ca: "${pem}"`)).toEqual({ username: 'corner', ca: readFileSync(pem, 'utf8') });
  });

  it.each([
    ['gone.pem', 'there is no such file'],
    ['secrets', 'it is a folder'],
    ['notes.pem', 'there is no PEM certificate in it'],
  ])('is not without the authority %s: %s', async (ca, words) => {
    const file = join(folder, 'site.gateway.yaml');
    writeFileSync(join(folder, 'notes.pem'), 'ask Maria for the certificate\n');
    writeFileSync(file, `${HEAD}mqtt: { url: "mqtts://broker.example.cat", ca: ${ca} }\n`);
    const { code, err } = await barri(['run', file, '--state', join(folder, 'state')]);
    expect(code).toBe(78);
    expect(err).toContain(`${join(folder, ca)} (${words})`);
    expect(err).toContain('site.gateway.yaml:3');
  });
});

describe('barri status', () => {
  const well = {
    measuring: { deviceCount: 0, answeringCount: 0, observationCount: 0 },
    devices: [],
    buses: [],
    skipped: [],
    clock: { quality: 'synced', untimedBoots: [], untimedBootCount: 0 },
    stored: {
      recordCount: 0,
      sizeBytes: 0,
      sizeBytesMax: 1,
      damage: [],
      evictedUndeliveredCount: 0,
      overwrittenCount: 0,
      thinnedCount: 0,
    },
  } as unknown as GatewayStatus;
  const broker: UplinkStatus = {
    state: 'ok',
    sinceWallMs: Date.now(),
    waitingCount: 0,
    noTimeCount: 0,
    attempt: 0,
    held: [],
    differing: [],
    lookUpCount: 0,
    deliveredCount: 12,
    foldedCount: 0,
    rejected: {},
  };
  const refused = { code: 'M135', parameters: { words: 'Not authorized', topic: 'barri/corner-01/air/t' } };

  it('shows both uplinks', () => {
    const shown = renderStatus({ ...well, city: broker, broker }, 200);
    expect(shown).toMatch(/City +reachable since/);
    expect(shown).toMatch(/Broker +reachable since/);
    expect(shown).toMatch(/12 readings delivered since the start\n.*nothing waits for the broker/);
  });

  it('says of a site with a broker alone that there is no city', () => {
    expect(renderStatus({ ...well, broker }, 200)).toContain('readings go to the broker only');
    expect(renderStatus(well, 200)).not.toContain('Broker');
  });

  it('says what is wrong with the broker and what to do, and is not well then', () => {
    const status: GatewayStatus = {
      ...well,
      broker: { ...broker, state: 'refused', problem: refused, waitingCount: 3, nextTryInMs: 5_000 },
    };
    const shown = renderStatus(status, 200);
    expect(shown).toContain('M135 the broker does not let this gateway in, or write: Not authorized.');
    expect(shown).toContain('(topic barri/corner-01/air/t)');
    expect(shown).toContain('3 records wait for the broker');
    expect(shown).toContain('next try in 5 s');
    expect(isHealthy(status)).toBe(false);
    expect(troubleOf(status)).toContain('refused M135');
    const alarms = { open: [{ alarm: 'silent', about: 'air', words: 'no answer', forMs: 5 }], openCount: 1, waitingCount: 0 };
    const outputs = [{ output: 'lamp.switch', problem: 'no answer from unit 30' }];
    expect(troublesOf({ ...status, outputs, alarms } as GatewayStatus)).toEqual([
      { name: 'lamp.switch', message: 'no answer from unit 30' },
      { name: 'broker', message: expect.stringContaining('M135 the broker does not let this gateway in') },
    ]);
    expect(alarmsOf({ ...status, alarms } as GatewayStatus)).toEqual([{ name: 'silent (air)', message: 'no answer' }]);
    expect(troublesOf(well)).toEqual([]);
    expect(isHealthy({ ...well, broker })).toBe(true);
  });

  it('says why Home Assistant is not told of everything and which right is missing, and is not well then', () => {
    const topic = 'homeassistant/sensor/barri-corner-01/air-t/config';
    const parameters = { words: 'Not authorized', topic, right: 'homeassistant/+/barri-corner-01/+/config' };
    const status: GatewayStatus = { ...well, broker: { ...broker, homeAssistant: { code: 'M135', parameters } } };
    const shown = renderStatus(status, 500);
    expect(shown).toMatch(/Broker +reachable since/);
    expect(shown).toContain(`M135 Home Assistant is not told everything: the broker does not take ${topic} (Not authorized)`);
    expect(shown).toContain('to write and to read homeassistant/+/barri-corner-01/+/config, to read homeassistant/status');
    expect(isHealthy(status)).toBe(false);
    expect(troubleOf(status)).toContain('home-assistant M135');
    expect(troublesOf(status)).toEqual([{ name: 'broker', message: expect.stringContaining('Home Assistant') }]);
  });
});

it.each([
  ['M000', 'no answer: closed'],
  ['M001', 'Two gateways with one id'],
])('says %s in words', (code, words) => {
  expect(brokerText.problem({ code, parameters: { words: 'closed' } })).toContain(words);
});

it('runs a simulated site with a broker without reaching any', async () => {
  const file = join(folder, 'site.gateway.yaml');
  writeFileSync(
    file,
    `${HEAD}mqtt: { url: "mqtt://192.0.2.1", discovery: home-assistant }\nbuses: { i2c1: { type: i2c } }\ndevices: { air: { board: bme280@1, via: i2c1 } }\n`,
  );
  const { code, err } = await barri(['sim', 'run', file, '--for', '3min', '--json', '--trace']);
  expect(code).toBe(0);
  expect(err).toMatch(/mqtt-connect barri-corner-01/);
  expect(err).toMatch(/mqtt-publish barri\/corner-01\/air\/temperature 1 /);
  expect(err).toMatch(/mqtt-answer barri\/corner-01\/air\/temperature/);
});
