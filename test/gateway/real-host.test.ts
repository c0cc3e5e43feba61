import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpError, type HttpRequest, LockHeldError, noFileOf } from '../../gateway/host.ts';
import { socketPath } from '../../gateway/local-api.ts';
import { realClock, realHost } from '../../gateway/real-host.ts';
import { PUT_NO_FILE } from '../support/no-files.ts';

const host = realHost(() => {});
const never = new AbortController().signal;
let folder: string;
const closers: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'barri-host-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

/** A peer that does as told with each connection. */
function peer(behave: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    behave(socket);
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}/data/p`)),
  );
}

function put(url: string, over: Partial<HttpRequest> = {}): Promise<unknown> {
  const body = new TextEncoder().encode('{"sensors":[]}');
  return host.http(
    { method: 'PUT', url, headers: { identity_key: 't' }, body, timeoutMs: 300, responseBytesMax: 1000, ...over },
    never,
  );
}

describe('what is opened as a file', () => {
  test.each(Object.entries(PUT_NO_FILE))('must not be a %s, and nobody is waited for', async (what, put) => {
    const path = join(folder, 'thing');
    closers.push(await put(path));
    for (const mode of ['read', 'write', 'create'] as const) {
      const error: unknown = await host.disk.open(path, mode).catch((reason: unknown) => reason);
      expect(noFileOf(error)).toBe(what);
    }
  });

  test('may stand behind a symbolic link', async () => {
    writeFileSync(join(folder, 'file'), 'text');
    symlinkSync(join(folder, 'file'), join(folder, 'link'));
    const file = await host.disk.open(join(folder, 'link'), 'read');
    expect(await file.size()).toBe(4);
    await file.close();
  });

  test('must be there: the system says so', async () => {
    await expect(host.disk.open(join(folder, 'nothing'), 'read')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('an HTTP request', () => {
  test('gives status, headers and body, asks to close, and tells its length', async () => {
    let seen = '';
    const url = await peer((socket) => {
      socket.on('data', (bytes) => {
        seen += bytes;
        if (seen.endsWith('{"sensors":[]}')) socket.end('HTTP/1.1 404 Not Found\r\nX-Thing: a\r\nContent-Length: 2\r\n\r\n{}');
      });
    });
    expect(await put(url)).toMatchObject({ status: 404, headers: { 'x-thing': 'a' }, body: Buffer.from('{}') });
    expect(seen.toLowerCase()).toContain('connection: close');
    expect(seen.toLowerCase()).toContain('content-length: 14');
  });

  test('that met nobody was certainly not sent', async () => {
    const url = await peer(() => {});
    await closers.pop()?.();
    await expect(put(url)).rejects.toMatchObject({ name: 'HttpError', code: 'ECONNREFUSED', maybeSent: false });
  });

  test.each<[string, (socket: Socket) => void, string]>([
    ['hangs', () => {}, 'TIMEOUT'],
    ['closes without a word', (socket) => socket.once('data', () => socket.end()), 'ECONNRESET'],
    ['resets', (socket) => socket.once('data', () => socket.resetAndDestroy()), 'ECONNRESET'],
    ['answers garbage', (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n\r\n')), 'BAD_ANSWER'],
    [
      'cuts its answer',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab')),
      'ECONNRESET',
    ],
    ['never ends its answer', (socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nab')), 'TOO_SLOW'],
    [
      'answers too much',
      (socket) => socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(2000)}`)),
      'TOO_LONG',
    ],
    [
      'says that it will answer too much',
      (socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n')),
      'TOO_LONG',
    ],
  ])('to a peer that %s may have been acted on', async (_name, behave, code) => {
    const failure = put(await peer(behave)).catch((error: unknown) => error);
    expect(await failure).toBeInstanceOf(HttpError);
    expect(await failure).toMatchObject({ code, maybeSent: true });
  });

  test('ends at once when its caller gives up', async () => {
    const url = await peer(() => {});
    const giveUp = new AbortController();
    const request = { method: 'GET', url, headers: {}, timeoutMs: 60_000, responseBytesMax: 10 } as const;
    const pending = host.http(request, giveUp.signal);
    giveUp.abort(new Error('stopped'));
    await expect(pending).rejects.toThrow('stopped');
  });
});

describe('the disk', () => {
  test('writes and reads at positions, and is as long as its last byte', async () => {
    const file = await host.disk.open(join(folder, 'a'), 'create');
    expect(await file.pwrite(Uint8Array.of(1, 2, 3), 5)).toBe(3);
    await file.fdatasync();
    expect(await file.size()).toBe(8);
    expect([...(await file.pread(4, 100))]).toEqual([0, 1, 2, 3]);
    await file.close();
    expect(await host.disk.size(join(folder, 'a'))).toBe(8);
    expect(await host.disk.size(join(folder, 'b'))).toBeUndefined();
  });

  test('never empties a file that it opens', async () => {
    const path = join(folder, 'a');
    for (const byte of [1, 2]) {
      const file = await host.disk.open(path, 'create');
      await file.pwrite(Uint8Array.of(byte), (await file.size()) as number);
      await file.close();
    }
    expect(await host.disk.size(path)).toBe(2);
  });

  test('names what failed', async () => {
    await expect(host.disk.open(join(folder, 'none'), 'read')).rejects.toMatchObject({ name: 'DiskError', code: 'ENOENT' });
    await expect(host.disk.readDir(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('makes folders in folders', async () => {
    await host.disk.mkdir(join(folder, 'a/b/c'));
    await host.disk.mkdir(join(folder, 'a/b/c'));
    expect(await host.disk.readDir(join(folder, 'a/b'))).toEqual(['c']);
  });
});

test('a thread for native calls takes its turn when one is free', async () => {
  await expect(host.threadTurn()).resolves.toBeUndefined();
});

test('a folder is held by one at a time, under whatever path', async () => {
  symlinkSync(folder, `${folder}-link`);
  closers.push(() => rmSync(`${folder}-link`));
  const unlock = await host.lock(folder);
  await expect(host.lock(`${folder}-link`)).rejects.toBeInstanceOf(LockHeldError);
  await unlock();
  const again = await host.lock(`${folder}-link`);
  await again();
});

test('a timer never fires before its time on the clock that set it, and can be taken back', async () => {
  const clock = realClock();
  const startMs = clock.monotonicMs();
  for (const delayMs of [0, 0.5, 1, 7]) clock.timer(delayMs, () => expect.fail('was taken back'))();
  const early = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const delayMs = i / 7;
      return new Promise<boolean>((resolve) => clock.timer(delayMs, () => resolve(clock.monotonicMs() - startMs < delayMs)));
    }),
  );
  expect(early).not.toContain(true);
});

test('a deadline that a busy machine has kept does not win against what came meanwhile', async () => {
  const clock = realClock();
  const won = await new Promise<string>((resolve, reject) => {
    let cancel = () => {};
    const answered = () => {
      cancel();
      resolve('the answer');
    };
    peer((socket) => {
      // The answer is on its way before the deadline, and then nothing is heard until that is long over.
      socket.write('answer');
      cancel = clock.timer(1, () => resolve('the deadline'));
      const busyUntilMs = clock.monotonicMs() + 60;
      while (clock.monotonicMs() < busyUntilMs);
    }).then((url) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.once('data', answered));
      closers.push(() => socket.destroy());
    }, reject);
  });
  expect(won).toBe('the answer');
});

test('a timer that comes late can still be taken back', async () => {
  const clock = realClock();
  const fired: string[] = [];
  const cancelSecond = { now: () => {} };
  clock.timer(1, () => {
    fired.push('first');
    cancelSecond.now();
  });
  cancelSecond.now = clock.timer(2, () => fired.push('second'));
  const busyUntilMs = clock.monotonicMs() + 30;
  while (clock.monotonicMs() < busyUntilMs);
  await expect.poll(() => fired).toContain('first');
  await new Promise<void>((resolve) => clock.timer(10, resolve));
  expect(fired).toEqual(['first']);
});

test('a timer further away than 2^31 ms does not fire at once', async () => {
  const clock = realClock();
  const cancel = clock.timer(2 ** 33, () => expect.fail('fired at once'));
  await new Promise<void>((resolve) => clock.timer(5, resolve));
  cancel();
});

test('a folder whose gateway answers is held, also where its name in the kernel is another one', async () => {
  const stop = await host.listen(socketPath(folder), async () => ({ status: 200, json: {} }));
  await expect(host.lock(folder)).rejects.toBeInstanceOf(LockHeldError);
  await stop();
  const unlock = await host.lock(folder);
  await unlock();
});

test('a socket whose path would be cut is refused, not made somewhere else', async () => {
  const listening = host.listen(join(folder, 'x'.repeat(100), 'api.sock'), async () => ({ status: 200, json: {} }));
  await expect(listening).rejects.toMatchObject({ name: 'DiskError', code: 'ENAMETOOLONG' });
});
