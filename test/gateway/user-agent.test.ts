import { expect, test } from 'vitest';
import type { HttpRequest } from '../../gateway/host.ts';
import { createRandom } from '../../simulator/random.ts';
import { type City, createCity } from '../../simulator/sentilo/city.ts';
import { cityHttp } from '../../simulator/sentilo/city-http.ts';
import { worldForSite } from '../../simulator/sentilo/world.ts';
import { startSimulated } from './simulated-gateway.ts';

test('every request of a gateway says which program it is, in which version, and which gateway, also to a tenant’s provider', async () => {
  const requests: HttpRequest[] = [];
  let city: City | undefined;
  const running = await startSimulated(
    `sentilo: { url: "https://city.example.cat", provider: "bcn@makers", token: { secret: sentilo_token } }
buses: { i2c1: { type: i2c } }
devices:
  hall: { board: sht31@1, via: i2c1, every: 5s }
`,
    {
      http: (clock, config) => {
        city = createCity(worldForSite(config, 'demo-token'));
        const http = cityHttp(city, clock.ofTheWorld(), { faults: [], latencyMs: 40, random: createRandom(1) });
        return (request, signal) => {
          requests.push(request);
          return http(request, signal);
        };
      },
    },
  );
  await running.clock.runUntil(60_000);
  await running.stop();
  const paths = new Set(requests.map(({ method, url }) => `${method} ${new URL(url).pathname}`));
  // Readings, and the catalogue once.
  expect([...paths].sort()).toEqual(['GET /catalog/bcn%40makers', 'PUT /data/bcn%40makers']);
  const version = /^barri\/\d+\.\d+\.\d+ \(trial\)$/;
  for (const { headers } of requests) {
    expect(headers['User-Agent']).toMatch(version);
    expect(headers['Connection']).toBe('close');
  }
  expect(city?.observations('bcn@makers').length).toBeGreaterThan(15);
});
