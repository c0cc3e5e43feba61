import { expect, test } from 'vitest';
import { LockHeldError } from '../../gateway/host.ts';
import { simulatedLock, simulatedSockets } from '../../simulator/local.ts';

test('a folder is locked for one gateway until it lets go', async () => {
  const lock = simulatedLock();
  const unlock = await lock('/state');
  await expect(lock('/state')).rejects.toThrow(LockHeldError);
  await lock('/other');
  await unlock();
  await lock('/state');
});

test('a local socket answers while somebody listens', async () => {
  const { listen, request } = simulatedSockets();
  const stop = await listen('/state/api', async ({ path }) => ({ status: 200, json: path }));
  await expect(request('/state/api', { method: 'GET', path: '/status', body: '' })).resolves.toEqual({
    status: 200,
    json: '/status',
  });
  await stop();
  await expect(request('/state/api', { method: 'GET', path: '/status', body: '' })).rejects.toThrow(
    /nobody listens on \/state\/api/,
  );
});
