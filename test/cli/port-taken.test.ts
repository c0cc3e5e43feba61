// A port that another program has: the option that belongs to the command is named, and no other.

import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { barri, ROOT } from './in-process.ts';

test.each([
  ['--city-port', (port: string) => ['sim', 'run', join(ROOT, 'examples/sites/carrer-demo.gateway.yaml'), '--city-port', port]],
  ['--port', (port: string) => ['sim', 'sentilo', '--port', port, '--world', join(ROOT, 'examples/world.yaml')]],
])('is told with %s', async (option, wordsOf) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { code, err } = await barri(wordsOf(String((server.address() as AddressInfo).port)));
    expect(err).toContain('error[B110]');
    expect(err.match(/--[a-z-]+/g)).toEqual([option]);
    expect(code).toBe(75);
  } finally {
    server.close();
  }
});
