// A master that nobody here wrote reads and writes the simulated slaves, over TCP and over a serial port. What it shows is
// what the site says that the devices measure.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Config } from '../../config/config.ts';
import type { OpenByteStream } from '../../drivers/bus/byte-stream.ts';
import type { Buses } from '../../gateway/host.ts';
import { realClock } from '../../gateway/real-host.ts';
import { simulatedBuses } from '../../simulator/buses.ts';
import { pacedClock } from '../../simulator/paced-clock.ts';
import { createRandom } from '../../simulator/random.ts';
import { type LineServer, serveLine } from '../../simulator/wire/line-server.ts';
import { loadText } from '../config/site-files.ts';
import { constant, device } from '../simulator/site.ts';
import { cleanUp, workFolder } from './support/barri.ts';
import { eventually, start } from './support/child.ts';

const servers: LineServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await cleanUp();
});

/** What can be written of the pump: eight coils and two holding registers. */
const OUTPUTS = [
  ...Array.from({ length: 8 }, (_, coil) => ({ id: `valve${coil}`, safe: false, coil })),
  ...[10, 11].map((at) => ({ id: `level${at}`, safe: false, register: { at, on: 1, off: 0 } })),
];

const TCP_PORT = 15_020;
const BUSES = {
  tcp: `{ type: modbus-tcp, host: 127.0.0.1, tcp_port: ${TCP_PORT} }`,
  rtu: '{ type: modbus-rtu, port: /dev/ttyUSB0, baud: 19200, format: 8N1 }',
};

async function siteOn(kind: keyof typeof BUSES): Promise<Config> {
  const text = `schema: gateway/v1
gateway: { id: trial }
buses: { line: ${BUSES[kind]} }
devices:
  meter:
    board: eastron-sdm120@1
    via: line
    with: { unit: 3 }
    simulate: { voltage: { constant: 229.73 }, power: { constant: -1250.5 }, energy_in: { constant: 1843.25 } }
  air:
    board: xy-md02@1
    via: line
    with: { unit: 4 }
    simulate: { temperature: { constant: -7.3 }, humidity: { constant: 61.4 } }
`;
  const { config, problems } = await loadText(text);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const pump = device({
    id: 'pump',
    driver: 'modbus-map',
    bus: 'line',
    address: 6,
    readings: [{ id: 'turns', at: 20 }],
    modbus: { readWith: 'holding', encoding: 'int32' },
    outputs: OUTPUTS,
    simulate: { turns: constant(-70_123) },
  });
  return { ...config, devices: new Map([...config.devices, ['pump', pump]]) };
}

/** Where mbpoll finds the slaves: its options, and the host or port. */
interface Offer {
  readonly options: readonly string[];
  readonly target: string;
}

/** Offers the simulated slaves on a port. */
async function offered(kind: keyof typeof BUSES): Promise<Offer> {
  const clock = pacedClock(realClock(), 1);
  const config = await siteOn(kind);
  const buses = await simulatedBuses(config, { clock, random: createRandom(1), faults: [], epochWallMs: clock.wall().ms });
  const server = await serveLine(() => openLine(kind, buses), { host: '127.0.0.1', port: 0 });
  servers.push(server);
  if (kind === 'tcp') return { options: ['-m', 'tcp', '-p', String(server.port)], target: '127.0.0.1' };
  const pty = join(workFolder(), 'slaves');
  start('socat', [`pty,raw,echo=0,link=${pty}`, `TCP:127.0.0.1:${server.port}`]);
  await eventually(() => (existsSync(pty) ? true : undefined), 5_000);
  return { options: ['-m', 'rtu', '-b', '19200', '-P', 'none'], target: pty };
}

function openLine(kind: keyof typeof BUSES, buses: Buses): Promise<OpenByteStream> {
  const { signal } = new AbortController();
  if (kind === 'tcp') return buses.tcp({ host: '127.0.0.1', port: TCP_PORT }, signal);
  return buses.serial({ port: '/dev/ttyUSB0', baud: 19_200, format: '8N1' }, signal);
}

/** A question of mbpoll: slave, table in its words, first address, and how many to read or what to write. */
type Question = readonly [unit: number, table: string, at: number, countOrValues: number | readonly number[]];

/** Asks once; addresses are those of the protocol, which begin at 0. */
async function ask({ options, target }: Offer, [unit, table, at, what]: Question) {
  const range = ['-a', String(unit), '-t', table, '-r', String(at), ...(typeof what === 'number' ? ['-c', String(what)] : [])];
  const written = typeof what === 'number' ? [] : what.map(String);
  const child = start('mbpoll', ['-0', '-1', '-B', '-o', '2', ...range, ...options, target, ...written]);
  const { code } = await child.ended;
  const said = `${child.out()}${child.err()}`;
  const values = [...said.matchAll(/^\[(\d+)\]:\s+(.*)$/gm)].map(([, address, value]) => [Number(address), value]);
  return { code, said, values };
}

describe.each(['tcp', 'rtu'] as const)('mbpoll over %s', (kind) => {
  it('reads what the simulated slaves measure, and writes what can be written', async () => {
    const offer = await offered(kind);
    const mbpoll = (...question: Question) => ask(offer, question);

    // 32-bit floats, printed with six digits as C does; an address has two registers.
    expect(await mbpoll(3, '3:float', 0x00, 1)).toMatchObject({ code: 0, values: [[0x00, '229.73']] });
    expect(await mbpoll(3, '3:float', 0x0c, 1)).toMatchObject({ code: 0, values: [[0x0c, '-1250.5']] });
    expect(await mbpoll(3, '3:float', 0x48, 1)).toMatchObject({ code: 0, values: [[0x48, '1843.25']] });
    // Tenths; the second reading is unsigned.
    expect(await mbpoll(4, '3', 1, 2)).toMatchObject({
      code: 0,
      values: [
        [1, expect.stringMatching(/^65463 \(-73\)$/)],
        [2, '614'],
      ],
    });
    expect(await mbpoll(6, '4:int', 20, 1)).toMatchObject({ code: 0, values: [[20, '-70123']] });

    // One coil by function 5, several by 15; one register by 6, several by 16.
    expect(await mbpoll(6, '0', 2, [1])).toMatchObject({ code: 0, said: expect.stringContaining('Written 1 references') });
    expect(await mbpoll(6, '0', 5, [1, 0, 1])).toMatchObject({ code: 0, said: expect.stringContaining('Written 3') });
    const coils = (await mbpoll(6, '0', 0, 8)).values.map(([, value]) => value);
    expect(coils).toEqual(['0', '0', '1', '0', '0', '1', '0', '1']);
    expect(await mbpoll(6, '4', 10, [1234])).toMatchObject({ code: 0 });
    expect(await mbpoll(6, '4', 10, 2)).toMatchObject({
      code: 0,
      values: [
        [10, '1234'],
        [11, '0'],
      ],
    });
    expect(await mbpoll(6, '4', 10, [7, 65_535])).toMatchObject({ code: 0 });
    expect((await mbpoll(6, '4', 10, 2)).values[0]).toEqual([10, '7']);

    // What a slave does not have it refuses, and for a slave that is not there nobody answers.
    expect((await mbpoll(3, '3:float', 0x200, 1)).said).toContain('Illegal data address');
    expect((await mbpoll(3, '4', 0, 1)).said).toContain('Illegal function');
    const nobody = (await mbpoll(9, '3', 0, 1)).said;
    expect(nobody).toContain(kind === 'tcp' ? 'Target device failed to respond' : 'Connection timed out');
  });
});
