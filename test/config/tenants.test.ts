// The id of a provider in a city that several tenants share (sentilo.md §1.11).

import { expect, it } from 'vitest';
import { loadText } from './site-files.ts';
import { told } from './told.ts';

const site = (provider: string) =>
  `schema: gateway/v1\ngateway: { id: demo }\nsentilo: { url: "https://s.example.cat", provider: "${provider}", token: { secret: t } }\n`;

it.each(['makers', 'bcn@makers', 'Tenant_1@makers-poblenou'])('%s is one', async (provider) => {
  const { config } = await loadText(site(provider));
  expect(config?.sentilo?.provider).toBe(provider);
});

it.each(['bcn@', '@makers', 'a@b@c', 'a b', 'makers/hall', 'bcn:makers'])(
  '%s is none, and it is said what one looks like',
  async (provider) => {
    expect(await told(site(provider))).toEqual([
      `C180 \`${provider}\` cannot be the id of a provider or application in the city: Sentilo takes letters, digits, \`_\` and \`-\`; in a city of several tenants the tenant stands before it: \`tenant@id\``,
    ]);
  },
);

it('a sensor’s id never has a tenant', async () => {
  const text = `${site('bcn@makers').replace('token: { secret: t }', 'token: { secret: t }, component: { id: "bcn@hall" }')}`;
  expect((await told(text))[0]).toMatch(/^C042 `bcn@hall`/);
});
