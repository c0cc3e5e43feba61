// Orders of the city: who gives them, and the times that the gateway can keep.

import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

const CALLBACK = 'callback: { url: "https://garden.example.cat/orders", secret: { secret: callback_secret } }, ';
const site = (
  output: string,
  sentilo = 'orders_from: [street-console], ',
) => `${HEAD.replace('token:', `${sentilo}token:`)}devices:
  lamp: { board: relay@1, via: gpio.pin11, outputs: { switch: { safe: off, max_on: 1h, ${output} } } }
`;
const BY_CITY = 'orders: [sentilo]';
const BESIDE_PUSHES = `orders_from: [street-console], ${CALLBACK}`;

describe('who gives orders', () => {
  it('has an id that can be one in the city', async () => {
    expect(await told(site(BY_CITY, 'orders_from: ["street console"], '))).toEqual([
      'C180 `street console` cannot be the id of a provider or application in the city: Sentilo takes letters, digits, `_` and `-`; ' +
        'in a city of several tenants the tenant stands before it: `tenant@id`',
    ]);
    expect(await told(site(BY_CITY, 'orders_from: ["barcelona@street-console"], '))).toEqual([]);
  });

  it.each([
    ['orders_from: [street-console], ', /^C205 `orders_from` does nothing: no output takes orders of the city/],
    [CALLBACK, /^C205 `callback` does nothing/],
  ])('is named for nothing where no output takes orders: %s', async (sentilo, expected) => {
    expect(await told(site('orders: [local]', sentilo), {}, 'warning')).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ['nobody is named, and none is waited for', 'orders: [local]', 'orders_from: [], '],
    ['the output is written with another name', `${BY_CITY} }, swich: { orders: [sentilo]`, 'orders_from: [street-console], '],
    ['what the output takes is written wrong', 'orders: [sentilla]', 'orders_from: [street-console], '],
  ])('is told nothing more: %s', async (_what, output, sentilo) => {
    expect((await told(site(output, sentilo), {}, 'warning')).join()).not.toContain('C205');
  });

  it('may be named before there are outputs', async () => {
    const text = `${HEAD.replace('token:', 'orders_from: [street-console], token:')}devices: { air: { board: sht31@1, via: i2c1 } }\n`;
    expect(await told(text, {}, 'warning')).toEqual([]);
  });
});

describe('a time that is over before the city can be asked again', () => {
  it.each([
    [
      'of a lost city',
      site(`${BY_CITY}, on_lost_city: 29s`),
      [
        'C203 `on_lost_city` of lamp.switch is over before the city counts as lost: it is asked for orders every 10s: ' +
          'write at least 30s: orders are undone meanwhile, though nothing has failed',
      ],
    ],
    ['of a lost city, long enough', site(`${BY_CITY}, on_lost_city: 30s`), []],
    [
      'beside pushes',
      site(`${BY_CITY}, on_lost_city: 2min`, BESIDE_PUSHES),
      [expect.stringMatching(/^C203 .* 1min: write at least 3min/)],
    ],
    ['beside pushes, long enough', site(`${BY_CITY}, on_lost_city: 3min`, BESIDE_PUSHES), []],
    [
      'of an order',
      site(`${BY_CITY}, expiry: 3s`),
      [
        'C204 orders to lamp.switch may be too old when they come: the city is asked for them every 10s: write at least 20s at `expiry:`',
      ],
    ],
    ['of an order, long enough', site(`${BY_CITY}, expiry: 20s`), []],
    [
      'of an order beside pushes',
      site(`${BY_CITY}, expiry: 119s`, BESIDE_PUSHES),
      [expect.stringMatching(/^C204 .* every 1min: write at least 2min at `expiry:`/)],
    ],
    ['of an order beside pushes, long enough', site(`${BY_CITY}, expiry: 2min`, BESIDE_PUSHES), []],
    ['where the city gives no orders', site('on_lost_city: 5s, expiry: 3s', ''), []],
  ])('%s', async (_what, text, expected) => {
    expect(await told(text, {}, 'warning')).toEqual(expected);
  });

  it('is no time at all', async () => {
    expect(await told(site(`${BY_CITY}, on_lost_city: 0s`))).toEqual(['C025 `0s` is too small for `on_lost_city`: more than 0']);
  });
});

describe('the port for pushes', () => {
  const pushedTo = (callback: string, output = BY_CITY) =>
    told(site(output, `orders_from: [a], callback: { ${callback}, secret: { secret: callback_secret } }, `), {}, 'note');

  it.each([
    ['url: "http://192.168.1.20:8582/orders"'],
    ['url: "http://127.0.0.1:8582/orders"'],
    ['url: "http://garden.local:8582/orders"'],
    ['url: "http://garden:8582"'],
    ['url: "http://[fd00::12]:8582"'],
    ['url: "http://172.20.0.4:8582"'],
  ])('is another one than is served at %s', async (callback) => {
    expect(await pushedTo(callback)).toEqual([
      'C207 the city pushes to port 8582, and this gateway serves port 8088: write `port: 8582` under `callback:`; ' +
        'or leave it, where something in between passes 8582 on to 8088',
    ]);
  });

  it.each([
    ['url: "http://192.168.1.20:8582/orders", port: 8582'],
    ['url: "http://192.168.1.20:8088/orders"'],
    ['url: "http://192.168.1.20/orders"'],
    ['url: "https://192.168.1.20:8582/orders"'],
    ['url: "http://garden.example.cat:8582/orders"'],
    ['url: "http://84.88.0.1:8582/orders"'],
  ])('may be as it is at %s', async (callback) => {
    expect(await pushedTo(callback)).toEqual([]);
  });

  it('says nothing where no output takes orders of the city', async () => {
    expect((await pushedTo('url: "http://192.168.1.20:8582"', 'orders: [local]')).join()).not.toContain('C207');
  });
});

describe('what is proposed is accepted', () => {
  it.each([
    [
      'a place of the gateway itself',
      `${HEAD}devices: { own: { board: gateway-self@1 } }\n`,
      'C022 `via` is missing: it belongs under `devices.own`: write `via: …`; such as `via: gateway`',
    ],
    [
      'a place of another device',
      `${HEAD}devices: { air: { board: sht31@1 } }\n`,
      'C022 `via` is missing: it belongs under `devices.air`: write `via: …`; such as `via: i2c1`',
    ],
    [
      'the secret of pushes',
      site(BY_CITY, 'orders_from: [a], callback: { url: "https://garden.example.cat/orders" }, '),
      'C022 `secret` is missing: it belongs under `sentilo.callback`: write `secret: …`; such as `secret: { secret: callback_secret }`',
    ],
    [
      'who an output takes orders of',
      site('orders: [mgtt]', ''),
      'C024 `orders` cannot be `mgtt`: did you mean `mqtt`?; it can be: rules, local, sentilo, mqtt',
    ],
    [
      'the orders of an output with a former word',
      `${site('orders: [web]', '')}rules: { r: { at: "06:30", do: { output: lamp.switch, set: on } } }\n`,
      'C170 lamp.switch takes no orders of rules: write at it: `orders: [rules, local]`',
    ],
  ])('%s', async (_what, text, expected) => {
    expect(await told(text)).toEqual([expected]);
  });
});
