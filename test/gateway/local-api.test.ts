// Who orders over the socket and goes, or waits for too long.

import { mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalAnswers, serveLocalApi, socketPath } from '../../gateway/local-api.ts';
import type { OrderRequest } from '../../gateway/outputs/output.ts';
import { realHost } from '../../gateway/real-host.ts';

const host = realHost(() => {});
const fatal = (error: unknown) => {
  throw error;
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-api-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Serves what is never done; gives the first order that comes. */
async function served() {
  let ordered = (_request: OrderRequest) => {};
  const order = new Promise<OrderRequest>((resolve) => {
    ordered = resolve;
  });
  const answers = {
    outputs: () => [],
    order: (request: OrderRequest) => {
      ordered(request);
      return new Promise(() => {});
    },
  } as Partial<LocalAnswers> as LocalAnswers;
  const stop = await serveLocalApi(host, folder, answers, fatal);
  const ask = () => {
    const request = http.request({ socketPath: socketPath(folder), method: 'POST', path: '/outputs' });
    request.on('error', () => {});
    request.end(JSON.stringify({ output: 'valve.open', on: true, by: 'marta' }));
    return request;
  };
  return { order, stop, ask };
}

test('an order is told that whoever asked has gone, and not before', async () => {
  const { order, stop, ask } = await served();
  const request = ask();
  const { gone } = await order;
  expect(gone?.aborted).toBe(false);
  const isTold = new Promise((resolve) => gone?.addEventListener('abort', resolve));
  request.destroy();
  await isTold;
  await stop();
});

test('it is not begun later than a good while before the command gives up, which is after a minute', async () => {
  const { order, stop, ask } = await served();
  const beforeMs = host.clock.monotonicMs();
  ask();
  const { untilMs = Number.POSITIVE_INFINITY } = await order;
  expect(untilMs - beforeMs).toBeGreaterThan(30_000);
  expect(untilMs - host.clock.monotonicMs()).toBeLessThanOrEqual(50_000);
  await stop();
});
