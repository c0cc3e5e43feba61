import { describe, expect, test } from 'vitest';
import { type NativeBus, openI2c } from '../../drivers/bus/linux-i2c.ts';
import { bytes, hex } from '../support/hex.ts';

/** An error as the native part makes it. */
function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}, i2c`), { code });
}

interface Script {
  readonly openFails?: string;
  readonly fails?: string;
  readonly isPlain?: boolean;
  /** What reads give, hex. */
  readonly answer?: string;
  readonly hangs?: boolean;
  /** Of the device file when the bus is opened, and at each look after that. */
  readonly files?: readonly (number | undefined)[];
}

/** A bus in place of the native one, which notes what it is asked for. */
async function open({ openFails, fails, isPlain = true, answer = '', hangs = false, files = [7] }: Script = {}) {
  const calls: string[] = [];
  const hung: (() => void)[] = [];
  const done = (call: string, callback: (error: Error | null, ...rest: never[]) => void, ...result: unknown[]) => {
    calls.push(call);
    const finish = () => callback(fails === undefined ? null : errno(fails), ...(result as never[]));
    if (hangs) hung.push(finish);
    else setImmediate(finish);
  };
  const read = (buffer: Buffer) => {
    const given = Buffer.from(bytes(answer));
    given.copy(buffer);
    return Math.min(given.length, buffer.length);
  };
  const native: NativeBus = {
    close: (callback) => done('close', callback),
    i2cRead: (address, length, buffer, callback) => done(`read ${address} ${length}`, callback, read(buffer), buffer),
    i2cWrite: (address, length, buffer, callback) => done(`write ${address} ${hex(buffer)}`, callback, length, buffer),
    readI2cBlock: (address, command, length, buffer, callback) =>
      done(`block ${address} ${command} ${length}`, callback, read(buffer), buffer),
    writeI2cBlock: (address, command, length, buffer, callback) =>
      done(`write block ${address} ${command} ${hex(buffer)}`, callback, length, buffer),
    sendByte: (address, byte, callback) => done(`send ${address} ${byte}`, callback),
    receiveByte: (address, callback) => done(`receive ${address}`, callback, bytes(answer)[0]),
    i2cFuncs: (callback) => setImmediate(() => callback(openFails === undefined ? null : errno(openFails), { i2c: isPlain })),
  };
  const numbers: number[] = [];
  const load = async () => (number: number, callback: (error: null) => void) => {
    numbers.push(number);
    setImmediate(() => callback(null));
    return native;
  };
  let lookCount = 0;
  const bus = await openI2c('/dev/i2c-1', load, async () => files[Math.min(lookCount++, files.length - 1)]);
  return { bus, calls, numbers, hung };
}

describe('a transfer', () => {
  test.each([
    { says: 'a register is read after a repeated start', write: 'd0', length: 1, calls: ['block 118 208 1'] },
    { says: 'more than a block is written and read', write: 'd0', length: 33, calls: ['write 118 d0', 'read 118 33'] },
    { says: 'a long command is ended by a stop', write: '2400', length: 6, calls: ['write 118 2400', 'read 118 6'] },
    { says: 'reads alone', write: '', length: 6, calls: ['read 118 6'] },
    { says: 'writes alone', write: 'f427', length: 0, calls: ['write 118 f427'] },
    { says: 'asks who is there', write: '', length: 0, calls: ['write 118 '] },
  ])('$says', async ({ write, length, calls }) => {
    const answer = '60'.repeat(length);
    const running = await open({ answer });
    expect(hex(await running.bus.transfer(0x76, bytes(write), length))).toBe(answer);
    expect(running.calls).toEqual(calls);
    expect(running.numbers).toEqual([1]);
  });

  test.each([
    { write: 'd0', length: 2, calls: ['block 118 208 2'] },
    { write: 'f427', length: 0, calls: ['write block 118 244 27'] },
    { write: 'e0', length: 0, calls: ['send 118 224'] },
    { write: '', length: 1, calls: ['receive 118'] },
  ])('on an adapter for SMBus only: $calls', async ({ write, length, calls }) => {
    const running = await open({ isPlain: false, answer: '6061' });
    await running.bus.transfer(0x76, bytes(write), length);
    expect(running.calls).toEqual(calls);
  });

  test.each([
    { write: '2400', length: 6 },
    { write: '', length: 6 },
    { write: '', length: 0 },
  ])('that SMBus has not is refused: $write, $length bytes read', async ({ write, length }) => {
    const { bus, calls } = await open({ isPlain: false });
    await expect(bus.transfer(0x44, bytes(write), length)).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringMatching(/0x44/),
    });
    expect(calls).toEqual([]);
  });

  test.each([
    ['ENXIO', 'no-answer'],
    ['EREMOTEIO', 'no-answer'],
    ['ENODEV', 'no-answer'],
    ['ETIMEDOUT', 'timeout'],
    ['EAGAIN', 'timeout'],
    ['EIO', 'timeout'],
    ['EBUSY', 'busy'],
    ['ENOENT', 'absent'],
    ['EOPNOTSUPP', 'unsupported'],
    ['EINVAL', 'timeout'],
  ])('that the kernel ends with %s is %s, with the bus and the address', async (fails, kind) => {
    const { bus } = await open({ fails });
    await expect(bus.transfer(0x76, bytes('d0'), 1)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(/^\/dev\/i2c-1, 0x76: /),
    });
  });

  // A USB adapter that is pulled out ends what is open with ENODEV or EIO, as a chip that is not there does.
  test.each([
    { says: 'is gone', fails: 'ENODEV', files: [7, undefined] },
    { says: 'was plugged in anew', fails: 'EIO', files: [7, 8] },
  ])('that fails because its adapter $says is absent', async ({ fails, files }) => {
    const { bus } = await open({ fails, files });
    await expect(bus.transfer(0x76, bytes('d0'), 1)).rejects.toMatchObject({
      kind: 'absent',
      message: expect.stringMatching(/adapter pulled out/),
    });
  });

  test('that gives fewer bytes than asked gives none', async () => {
    const { bus } = await open({ answer: '6061' });
    await expect(bus.transfer(0x76, bytes('d0'), 3)).rejects.toThrow('0x76: expected 3 bytes read, found 2');
  });

  test('that hangs in the kernel lets no other one in until it comes back', async () => {
    const { bus, calls, hung } = await open({ hangs: true, answer: '60' });
    const first = bus.transfer(0x76, bytes('d0'), 1);
    await expect(bus.transfer(0x44, bytes('d0'), 1)).rejects.toMatchObject({ kind: 'hung' });
    expect(calls).toHaveLength(1);
    hung[0]?.();
    expect(hex(await first)).toBe('60');
    const next = bus.transfer(0x44, bytes('d0'), 1);
    hung[1]?.();
    await next;
  });

  test('after the end is refused', async () => {
    const { bus, calls } = await open();
    await bus.close();
    await bus.close();
    await expect(bus.transfer(0x76, bytes('d0'), 1)).rejects.toMatchObject({ kind: 'closed' });
    expect(calls).toEqual(['close']);
  });
});

describe('an opening', () => {
  test.each([
    ['ENOENT', 'absent', /\/dev\/i2c-1 is not there: switch I2C on/],
    ['EACCES', 'no-permission', /usermod -aG i2c/],
    ['EMFILE', 'no-answer', /cannot be opened/],
  ])('that fails with %s is %s', async (openFails, kind, message) => {
    await expect(open({ openFails })).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  test('of something else than a device file of I2C is refused before anything is loaded', async () => {
    await expect(openI2c('/dev/ttyUSB0', () => Promise.reject(new Error('loaded')))).rejects.toMatchObject({ kind: 'absent' });
  });

  test('of a bus that this machine has not is said by the real package, unless it was built for another Node', async () => {
    const loads = await import('i2c-bus').then(
      () => 'yes',
      ({ code }: NodeJS.ErrnoException) => code,
    );
    const opening = openI2c('/dev/i2c-250');
    if (loads === 'yes') await expect(opening).rejects.toMatchObject({ kind: 'absent' });
    else {
      expect(loads).toBe('ERR_DLOPEN_FAILED');
      await expect(opening).rejects.toMatchObject({
        kind: 'unsupported',
        message: expect.stringContaining('npm rebuild i2c-bus'),
      });
    }
  });
});
