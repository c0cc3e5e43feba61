// A relay that was on when the gateway was killed, and that its site file does not have any more where it was, is made safe: by the next
// start, and by what is done after the end.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCoilSlave } from './coil-slave.ts';
import { barri } from './in-process.ts';
import { killAll, start } from './processes.ts';

type Slave = Awaited<ReturnType<typeof startCoilSlave>>;

let folder: string;
let slave: Slave;
let other: Slave;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'barri-left-'));
  [slave, other] = [await startCoilSlave(), await startCoilSlave()];
});
afterEach(() => {
  killAll();
  for (const each of [slave, other]) each.close();
  rmSync(folder, { recursive: true, force: true });
});

const state = () => join(folder, 'state');
const kept = () => join(state(), 'outputs.json');
const STAYS = '  stays: { board: relay@1, via: relays.relay1, outputs: { switch: { safe: off, max_on: 1h } } }\n';
const LEAVES = '  leaves: { board: relay@1, via: relays.relay2, outputs: { switch: { safe: off, max_on: 1h } } }\n';

function siteFile(devices: string, port = slave.port, name = 'trial'): string {
  const file = join(folder, `${name}.gateway.yaml`);
  writeFileSync(
    file,
    `schema: gateway/v1
gateway: { id: trial }
buses: { line: { type: modbus-tcp, host: 127.0.0.1, tcp_port: ${port}, timeout: 200ms } }
devices:
  relays: { board: modbus-relay-8@1, via: line, with: { unit: 30 } }
${devices}`,
  );
  return file;
}

/** A gateway was killed while both relays were on. */
async function killedWithBothOn(): Promise<void> {
  const gateway = start(['run', siteFile(STAYS + LEAVES), '--state', state()]);
  await gateway.until(/gateway-started/);
  for (const output of ['stays.switch', 'leaves.switch'])
    expect(await barri(['set', output, 'on', '--state', state()])).toMatchObject({ code: 0 });
  gateway.child.kill('SIGKILL');
  await gateway.exit;
  expect(slave.coils.slice(0, 2)).toEqual([true, true]);
}

const safe = (file: string) => barri(['outputs', 'safe', file, '--state', state()]);

describe('the next start', () => {
  test.each([
    ['alone', []],
    ['under supervision', ['--supervised']],
  ])(
    'makes safe what the file has no more: %s',
    async (_what, more) => {
      await killedWithBothOn();
      const next = start(['run', siteFile(STAYS), '--state', state(), ...more]);
      await next.until(/gateway-started/);
      expect(slave.coils.slice(0, 2)).toEqual([false, false]);
      expect(next.out()).toMatch(/"leaves\.switch".*"left-output-made-safe"/);
      next.child.kill('SIGTERM');
      await next.exit;
    },
    30_000,
  );

  test('keeps what does not follow, which is made safe later, and is told until then', async () => {
    await killedWithBothOn();
    slave.deaf(true);
    // Its converter is another one now, and the old one does not answer.
    const file = siteFile(STAYS + LEAVES, other.port);
    const next = start(['run', file, '--state', state()]);
    await next.until(/gateway-started/);
    expect(next.out()).toMatch(/"leaves\.switch".*"left-output-not-safe"/);
    next.child.kill('SIGTERM');
    await next.exit;
    const still = await safe(file);
    expect(still.code).toBe(3);
    expect(still.err).toContain('error[B133] leaves.switch is not known to be safe');
    expect(still.err).toContain(`in the site file no more: where its board is gone for good, delete ${kept()}`);
    slave.deaf(false);
    expect(slave.coils.slice(0, 2)).toEqual([true, true]);
    expect(await safe(file)).toMatchObject({ code: 0 });
    expect(slave.coils.slice(0, 2)).toEqual([false, false]);
  }, 60_000);
});

describe('`barri outputs safe`', () => {
  test('finds them at the converter that the bus was at', async () => {
    await killedWithBothOn();
    expect(await safe(siteFile(STAYS + LEAVES, other.port))).toMatchObject({ code: 0, err: '' });
    expect(slave.coils.slice(0, 2)).toEqual([false, false]);
  }, 30_000);

  test('goes by the state folder where the site file has another name', async () => {
    await killedWithBothOn();
    expect(await safe(siteFile(STAYS, slave.port, 'renamed'))).toMatchObject({ code: 0 });
    expect(slave.coils.slice(0, 2)).toEqual([false, false]);
  }, 30_000);

  test.each(['{"format":', 'null', '{"format":1,"site":"a","sites":[null]}', '{"format":9}'])(
    'makes the outputs of the site safe whatever else was kept, and says that it knows of no others: %s',
    async (text) => {
      mkdirSync(state());
      writeFileSync(kept(), text);
      slave.coils[0] = true;
      const { code, err } = await safe(siteFile(STAYS));
      expect(slave.coils[0]).toBe(false);
      expect(err).toContain(`warning[B151] what the gateway kept of its outputs in ${kept()} cannot be read`);
      expect(code).toBe(1);
    },
  );

  test('makes safe what it can of a list in which something else stands', async () => {
    await killedWithBothOn();
    const content = JSON.parse(readFileSync(kept(), 'utf8')) as { sites: { devices: unknown[] }[] };
    const digital = { id: 'x', driver: 'digital_out', via: { bus: 'line' }, spec: {}, outputs: [{ id: 'switch', safe: false }] };
    content.sites[0]?.devices.unshift(null, { id: 'x' }, { id: 'x', via: {}, outputs: [null] }, digital);
    writeFileSync(kept(), JSON.stringify(content));
    const { err } = await safe(siteFile(STAYS));
    expect(slave.coils.slice(0, 2)).toEqual([false, false]);
    expect(err).toContain('B151');
  }, 30_000);
});
