// Plays what others recorded or printed of a board's ports, through a device that is plugged into one of them.

import type { BoardFile } from '../../config/schema-board.ts';
import type { I2cBus } from '../../drivers/bus/i2c.ts';
import type { Connections, Driver, Need } from '../../drivers/driver.ts';
import type { MissingReading, Reading } from '../../drivers/reading.ts';
import { loadDriver } from '../../drivers/registry.ts';
import { model } from '../../simulator/devices/mcp23017.ts';
import { framed, openRtu } from '../bus/support.ts';
import { loadText } from '../config/site-files.ts';
import { context } from '../simulator/site.ts';
import { bytes, hex } from '../support/hex.ts';
import { modelBus } from '../support/model-bus.ts';
import { TestClock } from '../support/test-clock.ts';
import type { Vector } from '../support/vectors.ts';

const NO_ABORT = new AbortController().signal;

/** One board at a port of another: what is asked is asked through both their drivers. */
interface Plug {
  /** The rest of the provider's entry, and that of its user. */
  readonly provider: string;
  readonly port: string;
  readonly user: string;
  connect(clock: TestClock): Promise<Connections[Need]>;
  /** The state to which its output is driven; undefined for an input. */
  readonly drives?: boolean;
  /** Whether what went over the bus is what the vector says. */
  wasRight(): boolean;
}

const RELAY = 'board: relay@1, outputs: { switch: { safe: off, max_on: 1h } }';

/** What a device in the port gives; of an output, whether it was driven as the vector says. */
export async function playPort(
  { id: board }: Pick<BoardFile, 'id'>,
  vector: Vector,
): Promise<readonly (Reading | MissingReading)[]> {
  const plug = PLUGS[board]?.(vector);
  if (plug === undefined) throw new Error(`nothing says how a port of ${board} is played: add it to PLUGS`);
  const { config, problems } = await loadText(`schema: gateway/v1
gateway: { id: trial }
buses: { i2c1: { type: i2c }, meters: { type: modbus-rtu, port: /dev/ttyUSB1, baud: 9600 } }
devices:
  thing: { board: ${board}@1, ${plug.provider} }
  user: { via: thing.${plug.port}, ${plug.user} }
`);
  const [provider, user] = [config?.providers.get('thing'), config?.devices.get('user')];
  if (provider === undefined || user === undefined) throw new Error(`${board} does not run: ${JSON.stringify(problems)}`);
  const clock = new TestClock();
  const ports = ((await loadDriver(provider.driver)) as Driver).ports?.open(provider.spec, clock);
  const place = ports?.(plug.port, user.needs as 'analog', await plug.connect(clock));
  const device = await clock.run(((await loadDriver(user.driver)) as Driver).open(place as never, user.spec, clock));
  if (plug.drives === undefined) return await clock.run(device.read?.(NO_ABORT) ?? Promise.reject(new Error('no read')));
  await clock.run(device.write?.('switch', plug.drives) ?? Promise.reject(new Error('no write')));
  return [{ id: 'switch', value: plug.wasRight() ? plug.drives : !plug.drives }];
}

const PLUGS: Readonly<Record<string, (vector: Vector) => Plug>> = {
  ads1115: ({ input, context: of }) => {
    const range = of['full_scale_V'] ?? /[\d.]+/.exec(String(of['pga']))?.[0];
    let setting = Uint8Array.of(0, 0);
    const bus: I2cBus = {
      async transfer(_address, write, readLength) {
        if (write.length === 3) setting = Uint8Array.from(write.subarray(1));
        return readLength === 0 ? new Uint8Array(0) : write[0] === 0 ? bytes(input) : setting;
      },
    };
    return {
      provider: `via: i2c1, with: { range: ${range}V }`,
      port: 'ain0',
      user: 'board: analog-input@1',
      connect: async () => bus,
      wasRight: () => true,
    };
  },
  mcp23017: ({ input, context: { i2c_address: address }, expected }) => {
    const { held, writes } = registersOf(input);
    const isInput = 'PA0' in expected;
    const levels = held.find(([at]) => at === 0x12)?.[1] ?? 0;
    const wire = { volts: () => 0, level: () => (levels & 1) === 1, drive: () => {} };
    const chip = model({ ...context({ driver: 'mcp23017', address: Number(address) }, {}), pluggedInto: () => wire });
    for (const [at, byte] of held) if (at !== 0x12) chip.transfer(Uint8Array.of(at, byte), 0, 0);
    return {
      provider: `via: i2c1, with: { address: ${address} }`,
      port: 'PA7' in expected ? 'gpa7' : 'gpa0',
      user: isInput ? 'board: contact@1, with: { active: high }' : `${RELAY}, with: { active: high }`,
      connect: async (clock) => modelBus(chip, clock),
      ...(!isInput && { drives: true }),
      // Driven off, which is safe, and then on: in the end the registers are as that project left them.
      wasRight: () => writes.every(([at, byte]) => chip.transfer(Uint8Array.of(at), 1, 0)?.[0] === byte),
    };
  },
  'modbus-relay-8': ({ input, expected }) => {
    const asked: string[] = [];
    let isOn = false;
    return {
      provider: `via: meters, with: { unit: ${expected['unit']} }`,
      port: 'relay1',
      user: RELAY,
      connect: async (clock) => {
        const slave = await openRtu(
          (request, { stream }) => {
            asked.push(hex(request));
            if (request[1] === 5) isOn = request[4] === 0xff;
            stream.receive(request[1] === 5 ? request : framed([request[0] ?? 0, 1, 1, Number(isOn)]));
          },
          { clock },
        );
        return slave.bus;
      },
      drives: Boolean(expected['value']),
      wasRight: () => asked.includes(input),
    };
  },
};

/** What a script found in registers and what it wrote there; `W00 R ff` and `W 00 fe`, or lists of pairs. */
function registersOf(script: string): { readonly held: readonly Pair[]; readonly writes: readonly Pair[] } {
  if (script.startsWith('{')) {
    const { reads, writes } = JSON.parse(script) as { reads: string[][]; writes: string[][] };
    return { held: reads.map(pair), writes: writes.map(pair) };
  }
  const lines = script.split('\n');
  const all = (line: RegExp) => lines.flatMap((each) => (line.test(each) ? [pair(line.exec(each)?.slice(1) ?? [])] : []));
  return { held: all(/^W(..) R (..)$/), writes: all(/^W (..) (..)$/) };
}

type Pair = readonly [at: number, byte: number];

function pair(texts: readonly string[]): Pair {
  const [at = Number.NaN, byte = Number.NaN] = texts.map((text) => Number.parseInt(text, 16));
  return [at, byte];
}
